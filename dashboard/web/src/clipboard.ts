/**
 * Copies a text and answers whether that worked. A page over plain HTTP has no
 * navigator.clipboard, and a person may forbid it: then the text is copied as a
 * selection, which needs no permission but a person's touch just before.
 */
export async function copyText(text: string): Promise<boolean> {
  if ('clipboard' in navigator) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Forbidden: the selection may still do.
    }
  }
  return copySelected(text);
}

function copySelected(text: string): boolean {
  const before = document.activeElement;
  const field = document.createElement('textarea');
  field.value = text;
  field.readOnly = true;
  field.style.position = 'fixed';
  field.style.opacity = '0';
  // All outside an open dialog is inert and cannot be selected.
  (before?.closest('dialog') ?? document.body).append(field);
  try {
    field.focus({preventScroll: true});
    field.select();
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- all that works without a secure context
    return document.execCommand('copy');
  } catch {
    return false;
  } finally {
    field.remove();
    if (before instanceof HTMLElement) before.focus({preventScroll: true});
  }
}

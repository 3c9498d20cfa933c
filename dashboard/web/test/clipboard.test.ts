import {afterEach, describe, expect, it, vi} from 'vitest';
import {copyText} from '../src/clipboard';

/** A page that copies by selection, and whose last dialog may be open. */
class FakePage {
  readonly copied: string[] = [];
  readonly within: string[] = [];
  readonly activeElement: {closest: () => unknown} | null;
  readonly body = {append: (): void => void this.within.push('body')};
  readonly dialog = {append: (): void => void this.within.push('dialog')};
  allows = true;
  left = 0;
  #field: {value: string; isSelected: boolean} | null = null;

  constructor(hasDialog: boolean) {
    this.activeElement = {closest: () => (hasDialog ? this.dialog : null)};
  }

  createElement(): unknown {
    const field = {
      value: '', readOnly: false, style: {}, isSelected: false,
      focus: () => undefined, select: () => { field.isSelected = true; }, remove: () => { this.left--; },
    };
    this.left++;
    this.#field = field;
    return field;
  }

  execCommand(): boolean {
    if (this.allows && this.#field?.isSelected === true) this.copied.push(this.#field.value);
    return this.allows;
  }
}

function stub(page: FakePage, clipboard?: {writeText: (text: string) => Promise<void>}): void {
  vi.stubGlobal('document', page);
  vi.stubGlobal('HTMLElement', FakePage);
  vi.stubGlobal('navigator', clipboard === undefined ? {} : {clipboard});
}

describe('copying', () => {
  afterEach(() => { vi.unstubAllGlobals(); });

  it('takes the clipboard where there is one', async () => {
    const kept: string[] = [];
    const page = new FakePage(false);
    stub(page, {writeText: (text) => { kept.push(text); return Promise.resolve(); }});
    expect([await copyText('a'), kept, page.copied]).toEqual([true, ['a'], []]);
  });

  it.each([[false, 'body'], [true, 'dialog']])('selects the text on a page without one (dialog: %s)', async (hasDialog, within) => {
    const page = new FakePage(hasDialog);
    stub(page);
    expect([await copyText('geheim'), page.copied, page.within, page.left]).toEqual([true, ['geheim'], [within], 0]);
  });

  it('selects the text when the clipboard is forbidden, and says so when that is, too', async () => {
    const page = new FakePage(false);
    stub(page, {writeText: () => Promise.reject(new Error('NotAllowedError'))});
    expect([await copyText('a'), page.copied]).toEqual([true, ['a']]);
    page.allows = false;
    expect([await copyText('b'), page.copied, page.left]).toEqual([false, ['a'], 0]);
  });
});

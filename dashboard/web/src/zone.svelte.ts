let name = $state('Asia/Shanghai');

/** The zone of the page. What has read it, in a component, is shown anew when it changes. */
export function zoneName(): string {
  return name;
}

/** Sets the zone of the page. */
export function setZone(next: string): void {
  name = next;
}

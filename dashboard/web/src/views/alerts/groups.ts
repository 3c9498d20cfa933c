import type {Alert, Severity} from '../../wire';

/** Alerts of one cause: what is worked on together. */
export interface Group {
  /** ID of the first alert that it had, so that it stays what it is while others join. */
  readonly id: string;
  /** The one that stands for it. */
  readonly head: Alert;
  /** All of them, the head first. */
  readonly members: readonly Alert[];
}

/** Alerts of one rule this close in time and place have one cause. */
export const GROUP_MS = 10 * 60_000;

/** See GROUP_MS. */
export const GROUP_METRES = 500;

const RANK: Readonly<Record<Severity, number>> = {notice: 0, warning: 1, critical: 2};

const METRES_PER_DEGREE = 111_195;

/** The way between the places of two alerts as the crow flies, for places within one city. */
export function metresBetween(a: Alert, b: Alert): number {
  const y = (a.latDegrees - b.latDegrees) * METRES_PER_DEGREE;
  const x = (a.lonDegrees - b.lonDegrees) * METRES_PER_DEGREE * Math.cos((a.latDegrees * Math.PI) / 180);
  return Math.hypot(x, y);
}

/** The alert of those known that a merged one is a part of, itself when it is of none. */
function survivorOf(a: Alert, byId: ReadonlyMap<string, Alert>): Alert {
  let at = a;
  // A chain of merges is short; a circle, which there should not be, must not hang the page.
  for (let hops = 0; at.mergedInto !== '' && hops < 20; hops++) {
    const into = byId.get(at.mergedInto);
    if (into === undefined) break;
    at = into;
  }
  return at;
}

function headOf(members: readonly Alert[]): Alert | undefined {
  return [...members].sort((a, b) =>
    Number(a.mergedInto !== '') - Number(b.mergedInto !== '')
    || Number(a.state === 'closed') - Number(b.state === 'closed')
    || RANK[b.severity] - RANK[a.severity] || b.raisedAtMs - a.raisedAtMs || (a.id < b.id ? 1 : -1))[0];
}

function oneCause(a: Alert, b: Alert): boolean {
  return a.rule === b.rule && a.kind === b.kind && Math.abs(a.raisedAtMs - b.raisedAtMs) <= GROUP_MS && metresBetween(a, b) <= GROUP_METRES;
}

function isHotspot(a: Alert): boolean {
  return a.place.startsWith('hotspot/');
}

/**
 * Groups alerts that come newest first, and keeps that order by the newest of
 * each group. Merged hotspots go under the one they became a part of, and other
 * alerts of one rule that rose within minutes near each other go together.
 * `known` are all alerts at hand, among them survivors that the list leaves out.
 */
export function grouped(alerts: readonly Alert[], known: ReadonlyMap<string, Alert>): readonly Group[] {
  const lists: Alert[][] = [];
  const bySurvivor = new Map<string, Alert[]>();
  const recent = new Map<string, Alert[][]>();
  const put = (a: Alert): Alert[] => {
    const survivor = survivorOf(a, known);
    const kept = bySurvivor.get(survivor.id);
    if (kept !== undefined) return kept;
    const lone = survivor.id === a.id && !isHotspot(a);
    const near = lone ? recent.get(`${a.rule} ${a.kind}`)?.find((l) => l.some((b) => oneCause(a, b))) : undefined;
    if (near !== undefined) return near;
    const list: Alert[] = [];
    lists.push(list);
    bySurvivor.set(survivor.id, list);
    if (lone) recent.set(`${a.rule} ${a.kind}`, [...(recent.get(`${a.rule} ${a.kind}`) ?? []), list]);
    return list;
  };
  for (const a of alerts) put(a).push(a);
  return lists.flatMap((members): Group[] => {
    const head = headOf(members);
    if (head === undefined) return [];
    const first = members.reduce((least, a) => (a.raisedAtMs < least.raisedAtMs || (a.raisedAtMs === least.raisedAtMs && a.id < least.id) ? a : least), head);
    return [{id: first.id, head, members: [head, ...members.filter((a) => a !== head)]}];
  });
}

/** A line of the queue: a group, or one of the alerts of a group that is laid open. */
export interface Row {
  readonly key: string;
  readonly alert: Alert;
  readonly group: Group;
  readonly part: 'group' | 'member';
  readonly expanded: boolean;
}

/** The lines of groups, those in `expanded` laid open. */
export function rowsOf(groups: readonly Group[], expanded: ReadonlySet<string>): readonly Row[] {
  return groups.flatMap((group): Row[] => {
    const open = group.members.length > 1 && expanded.has(group.id);
    const top: Row = {key: group.id, alert: group.head, group, part: 'group', expanded: open};
    if (!open) return [top];
    return [top, ...group.members.slice(1).map((alert): Row => ({key: `${group.id} ${alert.id}`, alert, group, part: 'member', expanded: false}))];
  });
}

/** The alerts that an action on a line is about: all of a group that is not laid open, else the one. */
export function alertsOf(row: Row): readonly Alert[] {
  return row.part === 'group' && !row.expanded ? row.group.members : [row.alert];
}

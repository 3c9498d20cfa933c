import type {Datum, Device, Maintenance, StatedPlace} from './wire';

/** A device as a form has it: texts that may be half written. */
export interface Draft {
  readonly id: string;
  readonly name: string;
  readonly lat: string;
  readonly lon: string;
  readonly datum: Datum;
  readonly profile: string;
  readonly kinds: readonly string[];
  readonly owner: string;
  readonly areaStated: string;
  readonly installed: string;
  readonly intervalSeconds: string;
  readonly tags: string;
  readonly maintenance: readonly Maintenance[];
}

/** The fields of a form that can be wrong. */
export type DraftField = 'id' | 'lat' | 'lon' | 'intervalSeconds';

/** A new device, at a place in WGS 84 unless that is null. */
export function newDraft(id = '', place: StatedPlace | null = null): Draft {
  return {
    id, name: '', ...placeText(place), profile: '', kinds: [], owner: '', areaStated: '', installed: '', intervalSeconds: '', tags: '', maintenance: [],
  };
}

/** The form of a device. */
export function draftOf(d: Device): Draft {
  return {
    id: d.id, name: d.name, ...placeText(d.place), profile: d.profile, kinds: d.kinds, owner: d.owner, areaStated: d.areaStated,
    installed: d.installed, intervalSeconds: d.intervalSeconds === 0 ? '' : String(d.intervalSeconds), tags: d.tags.join('；'), maintenance: d.maintenance,
  };
}

/** A place as a form has it: texts that may be half written. */
export interface StatedText {
  readonly lat: string;
  readonly lon: string;
  readonly datum: Datum;
}

/** A place as a form has it. */
export function placeText(p: StatedPlace | null): StatedText {
  return p === null ? {lat: '', lon: '', datum: 'wgs84'} : {lat: String(p.lat), lon: String(p.lon), datum: p.datum};
}

function degrees(text: string, limit: number): number | null {
  const n = Number(text.trim());
  return text.trim() !== '' && Number.isFinite(n) && Math.abs(n) <= limit ? n : null;
}

/** The place of a form: null when none is given or it is half written. */
export function placeOf(d: StatedText): StatedPlace | null {
  const [lat, lon] = [degrees(d.lat, 90), degrees(d.lon, 180)];
  return lat === null || lon === null ? null : {lat, lon, datum: d.datum};
}

/** The fields that cannot be sent so. */
export function faultsOf(d: Draft): readonly DraftField[] {
  const faults: DraftField[] = [];
  if (d.id.trim() === '' || /[/+#]/.test(d.id) || new TextEncoder().encode(d.id).length > 128) faults.push('id');
  const hasPlace = d.lat.trim() !== '' || d.lon.trim() !== '';
  if (hasPlace && degrees(d.lat, 90) === null) faults.push('lat');
  if (hasPlace && degrees(d.lon, 180) === null) faults.push('lon');
  if (d.intervalSeconds.trim() !== '' && !/^[1-9]\d*$/.test(d.intervalSeconds.trim())) faults.push('intervalSeconds');
  return faults;
}

/** Splits tags at blanks between, commas and semicolons of either script. */
export function tagsOf(text: string): readonly string[] {
  return [...new Set(text.split(/[;；,，\n]/).map((t) => t.trim()).filter((t) => t !== ''))];
}

/** What is sent for a form. Everything that people state is in it: what is left out would be taken back. */
export function bodyOf(d: Draft, by: string): Readonly<Record<string, unknown>> {
  const place = placeOf(d);
  const texts = {
    name: d.name.trim(), profile: d.profile.trim(), owner: d.owner.trim(), area_stated: d.areaStated.trim(), installed: d.installed.trim(), by,
  };
  return {
    ...Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== '')),
    ...(place === null ? {} : {place}),
    ...(d.kinds.length === 0 ? {} : {kinds: d.kinds}),
    ...(d.intervalSeconds.trim() === '' ? {} : {interval_seconds: Number(d.intervalSeconds.trim())}),
    ...(tagsOf(d.tags).length === 0 ? {} : {tags: tagsOf(d.tags)}),
    ...(d.maintenance.length === 0 ? {} : {
      maintenance: d.maintenance.map((m) => ({
        from: new Date(m.fromMs).toISOString(), to: new Date(m.toMs).toISOString(), ...(m.note === '' ? {} : {note: m.note}),
      })),
    }),
  };
}

/** The fields in which two forms differ, by the names that the history of changes uses. */
export function differing(a: Draft, b: Draft): readonly string[] {
  const same: Readonly<Record<string, boolean>> = {
    name: a.name.trim() === b.name.trim(),
    place: a.lat === b.lat && a.lon === b.lon && (a.datum === b.datum || (a.lat === '' && a.lon === '')),
    profile: a.profile.trim() === b.profile.trim(),
    kinds: a.kinds.join(' ') === b.kinds.join(' '),
    owner: a.owner.trim() === b.owner.trim(),
    area: a.areaStated.trim() === b.areaStated.trim(),
    installed: a.installed === b.installed,
    maintenance: JSON.stringify(a.maintenance) === JSON.stringify(b.maintenance),
    interval: a.intervalSeconds.trim() === b.intervalSeconds.trim(),
    tags: tagsOf(a.tags).join(';') === tagsOf(b.tags).join(';'),
  };
  return Object.entries(same).filter(([, is]) => !is).map(([field]) => field);
}

/** mine laid over theirs: what mine changed since base, and theirs in all else. */
export function rebased(base: Draft, mine: Draft, theirs: Draft): Draft {
  const changed = new Set(differing(base, mine));
  const take = (field: string): Draft => (changed.has(field) ? mine : theirs);
  const place = take('place');
  return {
    id: mine.id, name: take('name').name, lat: place.lat, lon: place.lon, datum: place.datum, profile: take('profile').profile,
    kinds: take('kinds').kinds, owner: take('owner').owner, areaStated: take('area').areaStated, installed: take('installed').installed,
    maintenance: take('maintenance').maintenance, intervalSeconds: take('interval').intervalSeconds, tags: take('tags').tags,
  };
}

/** How long a maintenance may last at most. */
export const LONGEST_MAINTENANCE_MS = 366 * 86_400_000;

/** The windows with one more from now; those that are over for long make room. */
export function maintenanceOn(windows: readonly Maintenance[], nowMs: number, untilMs: number, note: string): readonly Maintenance[] {
  return [...maintenanceOff(windows, nowMs), {fromMs: nowMs, toMs: untilMs, note: note.trim()}].slice(-100);
}

/** The windows with those that hold now ended now; those that have not begun stay. */
export function maintenanceOff(windows: readonly Maintenance[], nowMs: number): readonly Maintenance[] {
  return windows.flatMap((w) => {
    if (w.fromMs > nowMs || w.toMs <= nowMs) return [w];
    return nowMs > w.fromMs ? [{...w, toMs: nowMs}] : [];
  });
}

/** The window that holds now and ends last, null for none. */
export function currentMaintenance(windows: readonly Maintenance[], nowMs: number): Maintenance | null {
  const now = windows.filter((w) => w.fromMs <= nowMs && nowMs < w.toMs);
  return now.reduce<Maintenance | null>((last, w) => (last === null || w.toMs > last.toMs ? w : last), null);
}

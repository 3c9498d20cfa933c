import {describe, expect, it} from 'vitest';
import {applyAlerts} from '../src/alerts';
import {applyCells, type CellsState} from '../src/cells';
import {topicID} from '../src/connection';
import {decodeFrame, type ServerFrame} from '../src/wire';

/** One file of dashboard/testdata/frames, which the tests of the server write. */
interface Golden {
  readonly says: string;
  readonly after?: string;
  readonly topic?: string;
  readonly frame: {readonly t: string; readonly id?: number; readonly tbl?: string};
  readonly table?: readonly string[];
  readonly shows?: Readonly<Record<string, readonly [number, number]>>;
}

const files = import.meta.glob<Golden>('../../testdata/frames/*.json', {eager: true, import: 'default'});
const golden = new Map(Object.entries(files).map(([path, file]) => [path.replace(/^.*\/|\.json$/g, ''), file]));

function named(name: string): Golden {
  const found = golden.get(name);
  if (found === undefined) throw new Error(`no golden frame ${name}`);
  return found;
}

const decoded = (name: string): ServerFrame => decodeFrame(JSON.stringify(named(name).frame));

/** What the page knows of a topic after a frame and those that it builds on. */
function stateAfter(name: string): CellsState {
  const {after} = named(name);
  const frame = decoded(name);
  if (frame.kind !== 'cells-snapshot' && frame.kind !== 'cells-delta') throw new Error(`${name} is a ${frame.kind}`);
  const step = applyCells(after === undefined ? null : stateAfter(after), frame);
  if (step.outcome !== 'applied') throw new Error(`${name} does not fit`);
  return step.state;
}

function tableOf(name: string): readonly string[] {
  const {table, after} = named(name);
  return table ?? (after === undefined ? [] : tableOf(after));
}

describe('golden frames', () => {
  it('are there', () => {
    expect(golden.size).toBeGreaterThanOrEqual(15);
  });

  it.each([...golden.keys()])('%s is known to the page', (name) => {
    const {frame, topic} = named(name);
    expect(decoded(name).kind).not.toBe('unknown');
    if (topic !== undefined) expect(frame.id).toBe(topicID(topic, 0));
  });

  it.each([...golden].filter(([, g]) => g.shows !== undefined).map(([name]) => name))('%s shows what the server means', (name) => {
    const state = stateAfter(name);
    const shown: Record<string, [number, number]> = {};
    tableOf(name).forEach((cell, k) => {
      const value = state.values[k] ?? NaN;
      if (!Number.isNaN(value)) shown[cell] = [value, state.counts[k] ?? 0];
    });
    expect(shown).toEqual(named(name).shows);
  });

  it('tell of alerts what the page says of them', () => {
    const [empty, event, snapshot] = [decoded('alerts-snap-empty'), decoded('alert'), decoded('alerts-snap')];
    if (empty.kind !== 'alerts-snapshot' || event.kind !== 'alert' || snapshot.kind !== 'alerts-snapshot') throw new Error('other frames');
    const begun = applyAlerts(null, empty);
    if (begun.outcome !== 'applied') throw new Error('refused');
    const raised = applyAlerts(begun.book, event);
    expect(raised).toMatchObject({outcome: 'applied', book: {epoch: 'log-1', seq: 1}});
    expect([...snapshot.alerts]).toEqual([event.alert]);
    expect(event.alert).toMatchObject({
      severity: 'warning', phase: 'active', reason: {zh: '噪声过高', en: 'too loud'}, area: '310107005',
      devices: ['noise-0001', 'noise-0002'], score: 12.25, recurrenceSeconds: 777_600, excess: 3.2,
    });
  });

  it('tell how the server does', () => {
    expect(decoded('hello')).toMatchObject({version: 1, server: 'urbangrid 1.0', epoch: 'a1b2c3d4e5f60718', lagMs: 1500, district: {7: 2, 10: 7}});
    expect(decoded('heartbeat')).toMatchObject({lagMs: 1500});
    expect(decoded('err')).toMatchObject({code: 'bad_topic'});
    expect(decoded('bye')).toMatchObject({code: 1012, retryMs: 500});
  });
});

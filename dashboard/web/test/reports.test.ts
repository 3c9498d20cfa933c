import {describe, expect, it} from 'vitest';
import {clearingsOf, comparedLabel, comparedOf, comparedOption, healthOption, isOneUnit, weeksOf, weeksOption} from '../src/views/reports/barcharts';
import {addDays, addressOf, asked, choiceKept, choiceOf, dayOf, daysOf, everyOf, fixed, keptOf, kindsAsked, lengthOf, mondayOf, MOST, questionOf, REPORTS, viewOf, type Choice} from '../src/views/reports/choice';
import {addressIn, askedText, bodyOf, choiceIn, ownerOf, periodName, renamed, reportName, tidyName} from '../src/views/reports/bookmarks';
import {CHART_COLORS, GROUND_COLORS} from '../src/views/reports/colors';
import {amountsOf, codeText, contentOf, giClassOf, kindOnMap, resolutionOf, rowIndex, rowText, type Scene} from '../src/views/reports/content';
import {MESSAGES} from '../src/views/reports/messages';
import {pictureOf, svgOf, WHOLE, zoomed} from '../src/views/reports/picture';
import {changeIn, pickIn, sectionsOf} from '../src/views/reports/section';
import {parameterText, periodText, stampFor} from '../src/views/reports/stamp';
import {stripsOf} from '../src/views/reports/strip';
import {fanOf, lineId, lineRows, trendLabel, trendLine, trendOption} from '../src/views/reports/trendchart';
import {changeText, compareValues, headText, lackOf, momentIn, probabilityText, rowsOf, tableOf, valueText, windowLabel} from '../src/views/reports/values';
import {decodeBook, decodeBookmarks, decodeJob, decodeResult, decodeSaved, type Bookmarks, type Result} from '../src/views/reports/wire';
import type {Area, Kind} from '../src/wire';

const m = MESSAGES.zh;
const c = CHART_COLORS.light;
/** 2026-11-25, a Wednesday, 02:00 in Shanghai. */
const NOW = Date.parse('2026-11-24T18:00:00Z');

const both = (text: string): {zh: string; en: string} => ({zh: text, en: text});
const KINDS: readonly Kind[] = [
  {key: 'noise', names: both('noise'), type: 'measure', unitLabel: both('dB'), scale: [40, 90], bad: 'high'},
  {key: 'smoke', names: both('smoke'), type: 'event', unitLabel: both(''), scale: [0, 5], bad: 'high'},
];

function choice(path: string, query = ''): Choice {
  return choiceOf([path], new URLSearchParams(query));
}

type Cell = string | number | {zh: string; en: string} | {note: string};

/** A table whose columns are told by their keys: "key", "key#" for numbers, "key@" for times. */
function table(key: string, columns: readonly string[], rows: readonly (readonly Cell[])[]): unknown {
  return {
    key, title: both(key), rows,
    columns: columns.map((name) => ({
      key: name.replace(/[#@]$/, ''), names: both(name.replace(/[#@]$/, '')), unit: '', unit_label: both(name === 'lasted#' ? '小时' : ''), digits: 2,
      type: name.endsWith('#') ? 'number' : name.endsWith('@') ? 'time' : 'text',
    })),
  };
}

function answer(report: string, tables: readonly unknown[], more: Readonly<Record<string, unknown>> = {}): unknown {
  return {
    report, title: both('报告'), version: {program: '1.2', format: '1'}, generated_at: '2026-11-25T01:00:00Z',
    period: {from: '2026-11-15T16:00:00Z', to: '2026-11-19T16:00:00Z', zone: 'Asia/Shanghai', every: 'day', windows: 4},
    data: {observations: 17, alerts: 2, fingerprint: 'f00d'}, methods: [], definitions: [], notes: [],
    parameters: [{key: 'kind', names: both('类型'), text: 'smoke', value: both('烟雾')}, {key: 'from', names: both('开始'), text: '', value: '2026-11-15T16:00:00Z'}],
    features: [], tables, ...more,
  };
}

const DAYS = ['2026-11-15T16:00:00Z', '2026-11-16T16:00:00Z', '2026-11-17T16:00:00Z', '2026-11-18T16:00:00Z'];

const TREND = decodeResult(answer('trend', [
  table('summary', ['key', 'name', 'unit', 'count#', 'value#', 'direction', 'p#', 'slope#', 'slope_low#', 'slope_high#', 'changed@'], [
    ['a1', both('曹杨'), both('次'), 20, 20, both('上升'), 0.00002, 2, 1, 3, DAYS[2] ?? ''],
    ['', both('区外'), both('次'), 3, 3, {note: 'too_few_windows'}, {note: 'too_few_windows'}, {note: 'too_few_windows'}, {note: 'too_few_windows'}, {note: 'too_few_windows'}, {note: 'no_change'}],
  ]),
  table('comparisons', ['key', 'name', 'span', 'unit', 'value#', 'previous#', 'previous_change#', 'last_year#', 'last_year_change#'], [
    ['', both('区外'), both('所选时段'), both('次'), 3, 6, -50, {note: 'no_last_year'}, {note: 'no_last_year'}],
    ['a1', both('曹杨'), both('所选时段'), both('次'), 20, 16, 25, {note: 'no_last_year'}, {note: 'no_last_year'}],
    ['a1', both('曹杨'), both('最近一周'), both('次'), 7, 1, 600, {note: 'no_last_year'}, {note: 'no_last_year'}],
  ]),
  table('changes', ['key', 'at@', 'ratio#'], [['a1', DAYS[2] ?? '', 1.5]]),
  table('exceedances', ['key', 'at@', 'observed#', 'upper#'], [['a1', DAYS[3] ?? '', 9, 6]]),
  table('series', ['key', 'at@', 'value#', 'stl_trend#'], [
    ...DAYS.map((at, k): Cell[] => ['a1', at, 1 + 2 * k, {note: 'too_few_periods'}]),
    ...DAYS.map((at, k): Cell[] => ['', at, k === 1 ? {note: 'no_data'} : k, {note: 'too_few_periods'}]),
  ]),
], {features: [{table: 'summary', row: 0, area: 'a1'}]}));

describe('the address of a report', () => {
  it('says nothing of what is usual', () => {
    for (const report of REPORTS) expect(addressOf(choice(report)).toString()).toBe('');
  });

  it('says everything that was chosen, and is read back the same', () => {
    const query = 'period=custom&from=2026-10-01&to=2026-10-31&areas=310107005%2C310107014&kinds=noise%2Csmoke&every=hour&by=area&compare=last_year&resolution=10&source=events&rank=lasted&replicates=99&layer=density&scan=1&job=j1&pick=row-3';
    const one = choice('hotspots', query);
    expect(one.report).toBe('hotspots');
    expect(choiceOf(['hotspots'], addressOf(one))).toEqual(one);
    expect(addressOf(one).toString()).toBe(query);
  });

  it('leaves out what makes no sense', () => {
    expect(choice('nonsense', 'period=5x&every=year&resolution=3&layer=x')).toEqual(choice('trend'));
    expect(choice('trend', 'period=custom&from=2026-10-31&to=2026-10-01').period).toBe('30d');
    expect(choice('trend', 'period=custom&from=2026-02-30&to=2026-03-01').period).toBe('30d');
    expect(dayOf('2026-02-28')).toBe('2026-02-28');
  });

  it('takes several areas and kinds in any order and form, and the one of before', () => {
    const one = choice('trend', 'areas=b,a&kinds=x&kinds=w');
    expect(one).toMatchObject({areas: ['a', 'b'], kinds: ['w', 'x']});
    expect(choice('trend', 'area=a&areas=b,a&kind=x&kinds=w,,x')).toEqual(one);
    expect(addressOf(choice('trend', 'kind=x&area=a')).toString()).toBe('areas=a&kinds=x');
    const many = Array.from({length: 40}, (_, k) => `k${k}`).join(',');
    expect(choice('trend', `kinds=${many}&areas=${many}`)).toMatchObject({kinds: {length: MOST.kinds}, areas: {length: MOST.areas}});
  });

  it('may have any length in days or weeks', () => {
    expect(lengthOf('4w')).toEqual({n: 4, unit: 'w'});
    expect(lengthOf('custom')).toBeNull();
    for (const nonsense of ['0d', '4y', '4', 'w']) expect(choice('trend', `period=${nonsense}`).period).toBe('30d');
    expect(addressOf(choice('trend', 'period=4w')).toString()).toBe('period=4w');
    expect(daysOf(choice('trend', 'period=4w'), NOW)).toEqual({from: '2026-10-26', to: '2026-11-23'});
    expect(daysOf(choice('trend', 'period=4w&today=1'), NOW)).toEqual({from: '2026-11-02', to: '2026-11-30'});
  });

  it('forgets the job and what was picked when something else is asked', () => {
    const before = choice('hotspots', 'job=j1&pick=row-3&scan=1');
    expect(asked(before, {areas: ['a']})).toMatchObject({job: '', pick: '', areas: ['a'], scan: true});
  });

  it('stays at its days when it is given away', () => {
    const given = fixed(choice('trend', 'period=7d'), NOW);
    expect(given).toMatchObject({period: 'custom', from: '2026-11-18', to: '2026-11-24', today: false});
    expect(daysOf(given, NOW + 30 * 86_400_000)).toEqual(daysOf(choice('trend', 'period=7d'), NOW));
  });
});

describe('the question', () => {
  it('is of whole days of the district, today not among them unless it is wanted', () => {
    expect(daysOf(choice('trend', 'period=7d'), NOW)).toEqual({from: '2026-11-18', to: '2026-11-25'});
    expect(daysOf(choice('trend', 'period=7d&today=1'), NOW)).toEqual({from: '2026-11-19', to: '2026-11-26'});
    expect(daysOf(choice('trend', 'period=custom&from=2026-10-01&to=2026-10-01'), NOW)).toEqual({from: '2026-10-01', to: '2026-10-02'});
  });

  it('is of whole weeks where windows are weeks', () => {
    expect(mondayOf('2026-11-25')).toBe('2026-11-23');
    expect(mondayOf('2026-11-29')).toBe('2026-11-23');
    expect(daysOf(choice('quality'), NOW)).toEqual({from: mondayOf(addDays('2026-11-23', -30)), to: '2026-11-23'});
    expect(daysOf(choice('trend', 'every=week&period=7d'), NOW)).toEqual({from: '2026-11-16', to: '2026-11-23'});
  });

  it('names the first event where a kind is needed and none was chosen', () => {
    expect(kindsAsked(choice('hotspots'), KINDS)).toEqual(['smoke']);
    expect(kindsAsked(choice('trend'), KINDS)).toEqual([]);
    expect(kindsAsked(choice('trend', 'by=area'), KINDS)).toEqual(['smoke']);
    expect(kindsAsked(choice('hotspots', 'kind=noise'), KINDS)).toEqual(['noise']);
    expect(kindsAsked(choice('hotspots', 'kinds=noise,smoke'), KINDS)).toEqual(['noise', 'smoke']);
  });

  it('asks each report for what it knows alone', () => {
    const of = (report: string, query = ''): string => questionOf(choice(report, query), KINDS, NOW).toString();
    expect(of('trend', 'kind=noise')).toBe('kind=noise&from=2026-10-26&to=2026-11-25&by=kind&every=day');
    expect(of('hotspots', 'scan=1&replicates=99')).toBe('kind=smoke&from=2026-10-26&to=2026-11-25&every=day&resolution=9&scan=true&replicates=99');
    expect(of('stubborn')).toBe('from=2026-10-26&to=2026-11-25&resolution=9&source=alerts&rank=returns&episodes=100');
    expect(of('quality', 'area=a1')).toBe('area=a1&from=2026-10-19&to=2026-11-23');
    expect(of('health', 'period=7d&kind=noise')).toBe('kind=noise');
    expect(of('hotspots', 'kinds=smoke,noise&areas=b,a')).toBe('kind=noise&kind=smoke&area=a&area=b&from=2026-10-26&to=2026-11-25&every=day&resolution=9');
    expect(everyOf(choice('emerging', 'every=week'))).toBe('day');
  });
});

describe('a saved question', () => {
  const marks: Bookmarks = decodeBookmarks({most: 500, bookmarks: [{
    id: 'b1', name: '烟雾 周报', report: 'trend', query: 'area=a1&by=area&every=day&kind=noise&kind=smoke&period=4w', view: 'compare=last_year', note: '例会', version: 3, by: '王芳', at: '2026-11-24T01:00:00Z', created_by: '王芳', created_at: '2026-11-24T01:00:00Z', result: '',
  }]});
  const mark = marks.list[0];

  it('keeps a period that moves moving, and days as they are', () => {
    expect(keptOf(choice('trend', 'by=area&kinds=smoke,noise&areas=a&period=7d&today=1'), KINDS).toString()).toBe('kind=noise&kind=smoke&area=a&period=7d&running=true&by=area&every=day');
    expect(keptOf(choice('hotspots', 'period=custom&from=2026-10-01&to=2026-10-31'), KINDS).toString()).toBe('kind=smoke&from=2026-10-01&to=2026-11-01&every=day&resolution=9');
    expect(keptOf(choice('health', 'period=7d&kinds=noise'), KINDS).toString()).toBe('kind=noise');
    expect(viewOf(choice('trend', 'compare=none&layer=density')).toString()).toBe('compare=none');
    expect(viewOf(choice('hotspots', 'compare=none&layer=density')).toString()).toBe('layer=density');
  });

  it('is the choice again that was saved', () => {
    for (const report of REPORTS) {
      for (const query of ['', 'period=4w&today=1&areas=a1,a2', 'period=custom&from=2026-10-01&to=2026-10-01&kinds=noise,smoke', 'by=city&every=hour&compare=none&source=events&rank=lasted&resolution=10&scan=1&replicates=99&layer=value']) {
        const saved = choice(report, query);
        const again = choiceKept(report, keptOf(saved, KINDS).toString(), viewOf(saved).toString());
        expect(questionOf(again, KINDS, NOW).toString(), `${report} ${query}`).toBe(questionOf(saved, KINDS, NOW).toString());
        expect(viewOf(again).toString()).toBe(viewOf(saved).toString());
        if (report !== 'health') expect(again.period).toBe(saved.period);
      }
    }
    expect(choiceKept('trend', 'kind=a,b&period=36h', '')).toMatchObject({kinds: ['a', 'b'], period: '2d'});
  });

  it('is opened by its address and said in words', () => {
    if (mark === undefined) throw new Error('no bookmark');
    expect(addressIn(mark)).toBe('/reports/trend?period=4w&areas=a1&kinds=noise%2Csmoke&by=area&compare=last_year');
    expect(periodName(choiceIn(mark), m)).toBe('近 4 周');
    expect(periodName(choice('trend', 'today=1'), m)).toBe('近 30 天 · 含今天');
    expect(periodName(choice('health'), MESSAGES.en)).toBe('At the moment');
    expect(askedText(choiceIn(mark), KINDS, [], m, 'zh')).toBe('noise、smoke · a1 · 按责任网格');
    expect(reportName('trend', m)).toBe('趋势');
  });

  it('has a name of its own, and changes its words alone when it is renamed', () => {
    if (mark === undefined) throw new Error('no bookmark');
    expect(ownerOf(marks.list, ' 烟雾   周报')).toBe(mark);
    expect(ownerOf(marks.list, '烟雾')).toBeUndefined();
    expect(tidyName('  a  b ')).toBe('a b');
    expect(renamed({name: ' 例会  ', note: ' x '}, mark, '李明')).toEqual({name: '例会', note: 'x', report: 'trend', query: mark.query, view: mark.view, by: '李明'});
    expect(bodyOf({name: '热', note: ''}, choice('hotspots', 'period=7d&layer=value'), KINDS, '李明')).toEqual({
      name: '热', note: '', report: 'hotspots', query: 'kind=smoke&period=7d&every=day&resolution=9', view: 'layer=value', by: '李明',
    });
  });
});

describe('a report of several kinds', () => {
  const cells = (key: string, kind: string, z: number): unknown => ({...(table(key, ['cell', 'z#', 'q#'], [['891f1d48177ffff', z, 0.01]]) as object), kind});
  const TWO = decodeResult(answer('hotspots', [cells('cells.smoke', 'smoke', 3), cells('cells.noise', 'noise', -2)], {
    sections: [{kind: 'smoke', names: both('烟雾')}, {kind: 'noise', names: both('噪声')}],
    notes: [{code: 'levels', kind: 'noise', text: both('水平'), count: 0}, {code: 'window_running', text: both('未结束'), count: 0}],
    features: [{table: 'cells.smoke', row: 0, cells: ['891f1d48177ffff']}, {table: 'cells.noise', row: 0, cells: ['891f1d48177ffff']}],
  }));

  it('has a section of its own for each, which is a result by itself', () => {
    const [smoke, noise] = sectionsOf(TWO);
    expect(smoke?.result.title).toEqual({zh: '热点：烟雾', en: 'Hot spots: 烟雾'});
    expect(rowsOf(tableOf(smoke?.result ?? TWO, 'cells'))[0]?.number('z')).toBe(3);
    expect(rowsOf(tableOf(noise?.result ?? TWO, 'cells'))[0]?.number('z')).toBe(-2);
    expect(noise?.result.features).toHaveLength(1);
    expect(smoke?.result.notes.map((n) => n.code)).toEqual(['window_running']);
    expect(noise?.result.notes.map((n) => n.code)).toEqual(['levels', 'window_running']);
    expect(parameterText(noise?.result ?? TWO, 'kind', 'zh')).toBe('噪声');
    expect(lackOf(noise?.result ?? TWO)).toBe('');
    expect(sectionsOf(TREND)).toEqual([]);
  });

  it('picks within a section', () => {
    const picked = choice('hotspots', 'pick=smoke:row-3');
    expect(pickIn(picked, 'smoke')).toBe('row-3');
    expect(pickIn(picked, 'noise')).toBe('');
    expect(changeIn('noise', {pick: 'row-1'})).toEqual({pick: 'noise:row-1'});
    expect(changeIn('noise', {pick: ''})).toEqual({pick: ''});
    expect(changeIn('noise', {layer: 'value'})).toEqual({layer: 'value'});
  });

  it('shows one kind at a time on the map of a trend: that of the line that is picked', () => {
    const r = decodeResult(answer('trend', [table('summary', ['key', 'name', 'kind', 'kind_name', 'count#', 'value#'], [
      ['a1', both('曹杨'), 'smoke', both('烟雾'), 5, 5], ['a1', both('曹杨'), 'noise', both('噪声'), 90, 61],
    ])], {features: [{table: 'summary', row: 0, area: 'a1'}, {table: 'summary', row: 1, area: 'a1'}]}));
    expect(kindOnMap(r, '')).toBe('noise');
    expect(kindOnMap(r, 'a1/smoke')).toBe('smoke');
    expect(rowIndex(r, 'a1/smoke').byArea.get('a1')).toBe(0);
    expect(rowIndex(r).byArea.get('a1')).toBe(1);
    expect(kindOnMap(TREND, '')).toBe('');
  });
});

describe('what the server says', () => {
  it('is read with its notes, times and names', () => {
    const row = rowsOf(tableOf(TREND, 'summary'))[1];
    expect(row?.why('p')).toBe('too_few_windows');
    expect(row?.number('value')).toBe(3);
    expect(lineRows(TREND)[0]?.ms('changed')).toBe(Date.parse(DAYS[2] ?? ''));
    expect(TREND.features[0]).toEqual({table: 'summary', row: 0, cells: [], area: 'a1', point: null});
  });

  it('is refused where a row does not fit its columns', () => {
    expect(() => decodeResult(answer('trend', [table('summary', ['key', 'value#'], [['a1']])]))).toThrow(/1 values for 2 columns/);
    expect(() => decodeResult({report: 'trend'})).toThrow();
    expect(decodeResult(answer('trend', [], {data: {observations: 17, fingerprint: 'f00d'}})).alerts).toBeNull();
    expect(() => decodeResult(answer('trend', [table('t', ['at@'], [['yesterday']])]))).toThrow(/not a time/);
  });

  it('may be one report or a book of several', () => {
    const one = answer('quality', []);
    expect(decodeBook(one)).toMatchObject({parts: [{report: 'quality'}]});
    expect(decodeBook({title: both('周报'), reports: [one, answer('trend', [])]}).parts.map((p) => p.report)).toEqual(['quality', 'trend']);
  });

  it('lists saved reports and jobs', () => {
    const saved = {id: 'weekly-1', schedule: 'weekly', title: both('周报'), from: DAYS[0], to: DAYS[3], generated_at: DAYS[3], due_at: DAYS[3], results: 9, bytes: 1, formats: ['json', 'xlsx'], href: '/x'};
    expect(decodeSaved({saved: [saved]})[0]).toMatchObject({id: 'weekly-1', report: '', kind: '', results: 9, formats: ['json', 'xlsx']});
    expect(() => decodeSaved({saved: [{...saved, schedule: 'yearly'}]})).toThrow();
    const job = {id: 'j', title: both('x'), state: 'running', progress: {step: both('模拟'), done: 3, total: 9}, created_at: DAYS[0]};
    expect(decodeJob(job)).toEqual({id: 'j', state: 'running', step: both('模拟'), done: 3, total: 9, error: ''});
  });
});

describe('values as people read them', () => {
  const column = (key: string) => ({key, names: both('列'), type: 'number' as const, unitLabel: both('小时'), digits: 1});

  it('are short where more says nothing', () => {
    expect(valueText({is: 'number', number: 1234.56}, column('value'), 'zh', 'UTC')).toBe('1,234.6');
    expect(valueText({is: 'number', number: 1e-12}, column('q'), 'zh', 'UTC')).toBe('<0.0001');
    expect(valueText({is: 'number', number: 0.04321}, column('p_seasonal'), 'zh', 'UTC')).toBe('0.043');
    expect(valueText({is: 'missing', note: 'no_data'}, column('value'), 'zh', 'UTC')).toBeNull();
    expect([probabilityText(0.0005), changeText(67.3, 'zh'), changeText(-4.25, 'en')]).toEqual(['0.0005', '+67%', '−4.3%']);
    expect(headText(column('x'), 'zh')).toBe('列 (小时)');
  });

  it('are times of the zone of the result, days where it is midnight', () => {
    expect(momentIn(Date.parse(DAYS[0] ?? ''), 'Asia/Shanghai')).toBe('2026-11-16');
    expect(momentIn(Date.parse('2026-11-16T01:30:00Z'), 'Asia/Shanghai')).toBe('2026-11-16 09:30');
    expect(windowLabel(Date.parse('2026-11-16T01:00:00Z'), {zone: 'Asia/Shanghai', every: 'hour'})).toBe('11-16 09:00');
    expect(periodText(TREND, m)).toBe('2026-11-16 至 2026-11-19（Asia/Shanghai）');
    expect(parameterText(TREND, 'from', 'zh')).toBe('2026-11-16');
    expect(stampFor(TREND, m, 'zh')).toMatchObject({file: 'trend-2026-11-20', period: '2026-11-16 至 2026-11-19（Asia/Shanghai） · 烟雾'});
  });

  it('sort with what is missing last, whichever way', () => {
    const [one, two, none] = [{is: 'number', number: 1} as const, {is: 'number', number: 2} as const, {is: 'missing', note: 'x'} as const];
    const sorted = (down: boolean) => [none, two, one].sort((a, b) => compareValues(a, b, down, 'zh'));
    expect(sorted(false)).toEqual([one, two, none]);
    expect(sorted(true)).toEqual([two, one, none]);
  });

  it('say when there is not enough of them', () => {
    const of = (report: string, t: unknown, more = {}): string => lackOf(decodeResult(answer(report, [t], more)));
    expect(of('emerging', table('categories', ['category', 'cells#'], [['new_hot', {note: 'too_few_steps'}]]))).toBe('too_few_steps');
    expect(of('emerging', table('categories', ['category', 'cells#'], [['new_hot', 0]]))).toBe('');
    expect(of('hotspots', table('cells', ['cell', 'z#'], [['89', {note: 'constant_field'}]]))).toBe('constant_field');
    expect(of('stubborn', table('problems', ['rank#'], []))).toBe('none_stubborn');
    expect(of('trend', table('summary', ['key'], []), {data: {observations: 0, alerts: 0, fingerprint: ''}})).toBe('no_data');
    expect(of('quality', table('kinds', ['kind'], []), {data: {observations: 0, alerts: 0, fingerprint: ''}})).toBe('no_alerts');
    expect(lackOf(TREND)).toBe('');
  });
});

describe('the chart of a trend', () => {
  it('has values, changes and exceedances of its line alone', () => {
    const line = trendLine(TREND, 'a1', 'zh');
    expect(line).toMatchObject({name: '曹杨', labels: ['11-16', '11-17', '11-18', '11-19'], values: [1, 3, 5, 7], smooth: null, changes: [{at: 2, ratio: 1.5}], exceedances: [{at: 3, observed: 9, upper: 6}]});
    const outside = lineRows(TREND).map(lineId)[1] ?? '';
    expect(outside).not.toBe('');
    expect(trendLine(TREND, outside, 'zh')).toMatchObject({values: [0, null, 2, 3], slope: null, changes: [], exceedances: []});
    expect(trendLine(TREND, 'nobody', 'zh')).toBeNull();
  });

  it('draws the Theil-Sen line through the middle, within the fan of its interval', () => {
    const fan = fanOf([1, 3, null, 7], {middle: 2, low: 1, high: 3});
    expect(fan.middle).toEqual([1, 3, 5, 7]);
    fan.middle.forEach((v, k) => {
      expect(fan.low[k]).toBeLessThanOrEqual(v);
      expect(fan.high[k]).toBeGreaterThanOrEqual(v);
    });
    expect((fan.high[3] ?? 0) - (fan.low[3] ?? 0)).toBeGreaterThan((fan.high[1] ?? 0) - (fan.low[1] ?? 0));
  });

  it('marks changes with their ratio and exceedances at their windows', () => {
    const line = trendLine(TREND, 'a1', 'zh');
    if (line === null) throw new Error('no line');
    const label = trendLabel(line, '上升', m, 'zh');
    const option = trendOption(line, m, 'zh', c, label);
    expect(option.aria.label.description).toBe('曹杨，11-16 至 11-19，最小 1，最大 7 次，上升，变点 1 个，超阈值 1 次');
    expect(option.tooltip.renderMode).toBe('richText'); // the policy of the page refuses styles in HTML
    const named = (name: string) => option.series.find((s) => s.name === name);
    expect(named(m.values)).toMatchObject({data: [1, 3, 5, 7], markLine: {data: [{xAxis: 2, label: {formatter: '变点 ×1.5'}}]}});
    expect(named(m.exceedance)?.data).toEqual([null, null, null, 7]);
    expect(named(m.theilSen)?.data).toEqual([1, 3, 5, 7]);
    expect(named(m.smooth)).toBeUndefined();
  });

  it('has no line of a slope that nobody knows', () => {
    const line = trendLine(TREND, '-', 'zh');
    if (line === null) throw new Error('no line');
    expect(trendOption(line, m, 'zh', c, '').series.map((s) => s.name)).toEqual([m.values]);
  });
});

describe('bars', () => {
  it('compare the period once a line, those with most first', () => {
    const bars = comparedOf(TREND, 'previous', 'zh');
    expect(bars.map((b) => [b.name, b.value, b.base, b.change])).toEqual([['曹杨', 20, 16, 25], ['区外', 3, 6, -50]]);
    expect(comparedLabel(bars, 'previous', m, 'zh')).toBe('对比 环比上期：曹杨 20 (+25%)，区外 3 (−50%)');
    const option = comparedOption(bars, 'previous', m, 'zh', c);
    expect(option.aria.decal.show).toBe(true);
    expect(option.series.map((s) => s.name)).toEqual([m.thisPeriod, m.bases.previous]);
    expect(option.series[0]?.data[0]).toMatchObject({value: 20, label: {formatter: '+25%'}});
  });

  it('say that there is nothing to compare with, and show the values', () => {
    const bars = comparedOf(TREND, 'last_year', 'zh');
    expect(bars.every((b) => b.change === null && b.base === null)).toBe(true);
    expect(comparedOption(bars, 'last_year', m, 'zh', c).series[0]?.data[0]).toMatchObject({value: 20, label: {formatter: '20'}});
  });

  it('show changes alone where units differ', () => {
    const bars = comparedOf(TREND, 'previous', 'zh').map((b, k) => ({...b, unit: k === 0 ? '次' : 'dB'}));
    expect(isOneUnit(bars)).toBe(false);
    expect(comparedOption(bars, 'previous', m, 'zh', c).series).toHaveLength(1);
  });

  const quality = decodeResult(answer('quality', [
    table('weeks', ['week@', 'category', 'kind', 'confirmed#', 'false#', 'unanswered#', 'budget#'], [
      [DAYS[1] ?? '', {zh: '城市', en: 'city'}, 'smoke', 1, 2, 3, 1], [DAYS[0] ?? '', {zh: '城市', en: 'city'}, 'smoke', 0, 1, 0, 1],
      [DAYS[1] ?? '', {zh: '城市', en: 'city'}, 'stall', 4, 0, 0, 0.5], [DAYS[1] ?? '', {zh: '数据质量', en: 'quality'}, 'smoke', 9, 9, 9, {note: 'no_budget'}],
    ]),
    table('kinds', ['category', 'name', 'clear_median#', 'clear_p90#'], [
      [{zh: '城市', en: 'city'}, both('a'), 0.5, 2], [{zh: '数据质量', en: 'quality'}, both('b'), 3, {note: 'x'}], [{zh: '城市', en: 'city'}, both('c'), {note: 'still_open'}, {note: 'still_open'}],
    ]),
  ]));

  it('add the alerts of the city up by week, with the budget', () => {
    expect(weeksOf(quality, [])).toEqual([
      {label: '11-16', confirmed: 0, falseAlarms: 1, unanswered: 0, budget: 1}, {label: '11-17', confirmed: 5, falseAlarms: 2, unanswered: 3, budget: 1.5},
    ]);
    expect(weeksOf(quality, ['stall'])).toEqual([{label: '11-17', confirmed: 4, falseAlarms: 0, unanswered: 0, budget: 0.5}]);
    expect(weeksOption(weeksOf(quality, []), m, c).series.map((s) => s.name)).toEqual([m.falseAlarms, m.confirmed, m.unanswered, m.budget]);
    expect(weeksOption(weeksOf(quality, []).map((w) => ({...w, budget: null})), m, c).series).toHaveLength(3);
  });

  it('have times to clear of what was cleared', () => {
    expect(clearingsOf(quality, 'zh')).toEqual([{name: 'b · 数据质量', medianHours: 3, p90Hours: null}, {name: 'a', medianHours: 0.5, p90Hours: 2}]);
  });

  it('stack devices by state', () => {
    const health = decodeResult(answer('health', [table('areas', ['area', 'area_name', 'online#', 'late#', 'odd#', 'offline#', 'silent#'], [['a1', both('曹杨'), 5, 1, 0, 2, 3]])]));
    expect(healthOption(health, 'areas', m, 'zh', c).series.map((s) => s.data[0])).toEqual([5, 1, 0, 2, 3]);
  });
});

describe('the map of a report', () => {
  const square = (lon: number, lat: number, size: number): readonly (readonly [number, number])[] => [[lon, lat], [lon + size, lat], [lon + size, lat + size], [lon, lat + size], [lon, lat]];
  const areas: readonly Area[] = [{code: 'a1', names: both('曹杨'), label: null, polygons: [[square(121.3, 31.2, 0.1)]]}];
  const scene: Scene = {
    areas, m, lang: 'zh',
    cells: {cornersOf: (cell) => (cell === 'bad' ? null : [[31.21, 121.31], [31.21, 121.32], [31.22, 121.32]]), ringsAround: () => [square(121.31, 31.21, 0.01)]},
  };
  const hot = decodeResult(answer('hotspots', [
    table('clusters', ['rank#', 'lat#', 'lon#'], [[1, 31.215, 121.315]]),
    table('cells', ['cell', 'area_name', 'value#', 'z#', 'q#', 'density#'], [['8930995958bffff', both('曹杨'), 12, 5, 0.001, 3.5], ['8930995958fffff', both('曹杨'), 0, -0.2, 0.9, 0]]),
  ], {features: [{table: 'clusters', row: 0, cells: ['8930995958bffff']}, {table: 'cells', row: 0, cells: ['8930995958bffff']}, {table: 'cells', row: 1, cells: ['8930995958fffff']}]}));

  it('classes cells by what is significant', () => {
    expect([giClassOf(3, 0.01), giClassOf(3, 0.04), giClassOf(-3, 0.001), giClassOf(3, 0.06), giClassOf(null, null)]).toEqual(['hot99', 'hot95', 'cold99', 'plain', 'plain']);
    const content = contentOf(hot, {layer: 'gi', pick: 'row-1'}, scene);
    expect(content?.shapes.map((s) => s.cls)).toEqual(['hot99', 'plain']);
    expect(content?.outlines).toMatchObject([{mark: '1', at: [121.315, 31.215]}]);
    expect(content?.pickedRow).toBe(1);
    expect(rowText(hot, 0, m, 'zh')).toBe('曹杨 · 12 · z 5');
    expect(resolutionOf('8930995958bffff')).toBe(9);
    expect(rowIndex(hot)).toMatchObject({resolution: 9});
    expect(rowIndex(hot).byCell.get('8930995958fffff')).toBe(1);
  });

  it('has steps of an amount that hold like numbers of values', () => {
    const {classes, classOf} = amountsOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 'zh', 0);
    expect(classes.map((k) => k.name)).toEqual(['≥ 9', '7 – <9', '5 – <7', '3 – <5', '1 – <3', '0']);
    expect([classOf(0), classOf(null), classOf(1), classOf(10)]).toEqual(['plain', 'plain', 'amount0', 'amount4']);
    expect(amountsOf([0, 0], 'zh', 0).classes).toEqual([{key: 'plain', fill: '', name: '0'}]);
  });

  it('writes the numbers of categories, cold ones with a minus', () => {
    expect([codeText(3), codeText(-3), codeText(0), codeText(null)]).toEqual(['3', '−3', '', '']);
    const emerging = decodeResult(answer('emerging', [
      table('categories', ['category', 'name', 'cells#'], [['new_hot', both('新增热点'), 1], ['new_cold', both('新增冷点'), 0], ['no_pattern', both('无模式'), 1]]),
      table('cells', ['cell', 'category', 'code#'], [['8930995958bffff', 'new_hot', 1], ['bad', 'no_pattern', 0]]),
    ], {features: [{table: 'cells', row: 0, cells: ['8930995958bffff']}, {table: 'cells', row: 1, cells: ['bad']}]}));
    const content = contentOf(emerging, {layer: 'gi', pick: 'new_hot'}, scene);
    expect(content?.classes.map((k) => k.name)).toEqual(['1 新增热点', '无模式']);
    expect(content?.shapes.map((s) => [s.mark, s.rings.length])).toEqual([['1', 1], ['', 0]]);
    expect(content?.picked).toBe('new_hot');
  });

  it('colours areas, and has nothing to show without places', () => {
    expect(contentOf(TREND, {layer: 'gi', pick: ''}, scene)?.shapes).toMatchObject([{row: 0, cls: 'amount1'}]);
    expect(contentOf(decodeResult(answer('quality', [])), {layer: 'gi', pick: ''}, scene)).toBeNull();
  });

  it('draws everything into its frame, and knows the place at a pixel', () => {
    const content = contentOf(hot, {layer: 'gi', pick: ''}, scene);
    if (content === null) throw new Error('no map');
    const p = pictureOf(content, 'zh', 600, 400);
    const [x, y] = (p.areas[0]?.d.match(/[\d.]+/g) ?? []).map(Number);
    expect(p.areas[0]?.d.match(/-/)).toBeNull();
    const place = p.placeAt(x ?? 0, y ?? 0);
    expect(place.lonDegrees).toBeCloseTo(121.3, 3);
    expect(place.latDegrees).toBeCloseTo(31.2, 3);
    expect(p.scale.pixels).toBeLessThanOrEqual(150);
    const svg = svgOf(p, content.classes, GROUND_COLORS.light);
    expect(svg).toContain('热点（q ≤ 0.01）');
    expect(svg).not.toMatch(/style=|NaN/);
  });

  it('zooms around a pixel, and never farther out than all of it', () => {
    const content = contentOf(hot, {layer: 'gi', pick: ''}, scene);
    if (content === null) throw new Error('no map');
    const at = pictureOf(content, 'zh', 600, 400).placeAt(100, 50);
    const near = pictureOf(content, 'zh', 600, 400, zoomed(WHOLE, 2, 100, 50, 600, 400)).placeAt(100, 50);
    expect(near.latDegrees).toBeCloseTo(at.latDegrees, 6);
    expect(near.lonDegrees).toBeCloseTo(at.lonDegrees, 6);
    expect(zoomed({zoom: 2, dx: 30, dy: 5}, 0.1, 0, 0, 600, 400)).toEqual(WHOLE);
  });
});

describe('the history strip', () => {
  it('has a mark for each time, cut at the ends of the period', () => {
    const stubborn: Result = decodeResult(answer('stubborn', [table('history', ['rank#', 'from@', 'to@', 'returned#'], [
      [1, '2026-11-10T16:00:00Z', DAYS[1] ?? '', {note: 'not_returned'}], [1, DAYS[2] ?? '', '', 2],
    ])]));
    expect(stripsOf(stubborn).get(1)).toEqual([{from: 0, to: 0.25, isReturn: false}, {from: 0.5, to: 1, isReturn: true}]);
  });
});

describe('texts', () => {
  it('name every state, category and lack in both languages', () => {
    for (const lang of ['zh', 'en'] as const) {
      const texts = MESSAGES[lang];
      expect(Object.keys(texts.lacks)).toEqual(Object.keys(texts.lackHints));
      for (const report of REPORTS) expect(texts.tabs[report]).not.toBe('');
    }
  });
});

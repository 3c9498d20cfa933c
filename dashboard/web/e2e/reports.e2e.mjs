// Reports in a real browser against the real binary, with weeks of history
// replayed into it: numbers, what is not enough, files, paper, jobs, languages.
import assert from 'node:assert/strict';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, it} from 'node:test';
import {publish, startBinary, until} from './binary.mjs';
import {GRAPHICS, launch, openPage, shoot} from './browser.mjs';
import {replayHistory} from './reports-history.mjs';

const DESKTOP = {width: 1366, height: 768};
const PARKING = 'kind=illegal_parking';

/** Each report with an address that has something to say, and a number that it must show. */
const REPORTS = [
  ['trend', `/reports/trend?by=area&${PARKING}`, '[data-testid=trend-stats]', /\d/],
  ['hotspots', `/reports/hotspots?${PARKING}`, '[data-testid=clusters-table]', /曹杨新村街道/],
  ['stubborn', '/reports/stubborn?kind=stall&source=events&period=90d', '[data-testid=problems-table]', /占道经营/],
  ['emerging', `/reports/emerging?${PARKING}`, '[data-testid=category-no_pattern]', /\d+ 格/],
  ['quality', '/reports/quality?today=1', '[data-testid=report]', /检测质量/],
  ['health', '/reports/health', '[data-testid=health-stats]', /\d/],
];

let data;
let server;
let browser;

before(async () => {
  data = mkdtempSync(join(tmpdir(), 'urbangrid-e2e-reports-'));
  server = await startBinary({data});
  await replayHistory(server, data);
  await until(async () => {
    const r = await (await fetch(`${server.url}/api/v1/reports/hotspots?${PARKING}`)).json();
    return r.data.observations > 1000;
  }, {within: 30_000, what: 'the history is in the reports', every: 500});
  // Smoke where none is expected, so that there is an alert to report of.
  await publish(server.mqtt, 'e2e-reports-smoke', {kind: 'smoke', lat: 31.2401, lon: 121.3862});
  await until(async () => (await (await fetch(`${server.url}/api/v1/reports/quality?to=${new Date(Date.now() + 2 * 86_400_000).toISOString()}`)).json()).data.alerts > 0, {within: 30_000, what: 'an alert', every: 500});
  browser = await launch(GRAPHICS.none);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(data, {recursive: true, force: true});
});

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function assertAccessible(page, step) {
  await page.evaluate(axe);
  const violations = await page.evaluate(() => window.axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
    .then((r) => r.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} ${n.any.map((a) => a.message).join(' ')}`).slice(0, 3).join(' | ')}`)));
  assert.deepEqual(violations, [], `axe, ${step}`);
}

function assertClean(seen) {
  assert.deepEqual(seen.errors, [], 'console errors');
  assert.deepEqual([...seen.hosts], [new URL(server.url).host], 'hosts that were asked');
}

async function open(path, options = {}) {
  const opened = await openPage(browser, {viewport: DESKTOP, theme: 'light', ...options});
  await opened.page.goto(`${server.url}${path}`);
  return opened;
}

/** The report is there, with every figure drawn. */
async function settled(page, name) {
  await page.locator(`[data-testid=report][data-report=${name}][aria-busy=false]`).waitFor({timeout: 30_000});
  await until(async () => (await page.locator('figure[data-state=loading]').count()) === 0, {within: 20_000, what: `the charts of ${name} are drawn`});
}

/** Chooses a kind by its name in the list, and takes another out of it. */
async function choose(page, testid, name, out = '') {
  await page.getByTestId(testid).click();
  const panel = page.getByTestId(`${testid}-panel`);
  await panel.getByLabel(name, {exact: true}).check();
  if (out !== '') await panel.getByTestId(`${testid}-${out}`).uncheck();
  await page.keyboard.press('Escape');
  await panel.waitFor({state: 'detached'});
}

async function downloaded(page, testid) {
  const waiting = page.waitForEvent('download');
  await page.getByTestId(testid).click();
  const download = await waiting;
  return {name: download.suggestedFilename(), bytes: readFileSync(await download.path())};
}

describe('every report', {timeout: 180_000}, () => {
  for (const [name, path, part, numbers] of REPORTS) {
    it(`${name} shows numbers, its definitions and its version, and is accessible`, async () => {
      const {page, seen, context} = await open(path);
      await settled(page, name);
      assert.match(await page.locator(part).first().innerText(), numbers);
      assert.equal(await page.getByTestId('report').getAttribute('data-lack'), '');
      const about = await page.getByTestId('about').innerText();
      for (const words of ['数据时段', '参数', '定义', '方法', '版本', '数据指纹']) assert.ok(about.includes(words), `${name} says ${words}`);
      await assertAccessible(page, name);
      await shoot(page, `reports-${name}-zh-light`);
      assertClean(seen);
      await context.close();
    });
  }

  it('comes in English and in the dark', async () => {
    for (const [name, path] of REPORTS.slice(0, 4)) {
      const {page, seen, context} = await open(path, {lang: 'en', theme: 'dark'});
      await settled(page, name);
      // Kinds, places and methods have names in both languages; nothing else may be Chinese.
      const texts = await page.locator('.controls label, .bar a, th, h3, .chip').allInnerTexts();
      const chinese = texts.map((t) => t.split('\n')[0]).filter((t) => /[\u4e00-\u9fff]/.test(t));
      assert.deepEqual(chinese, [], `${name} in English`);
      await assertAccessible(page, `${name}, English, dark`);
      await shoot(page, `reports-${name}-en-dark`);
      assertClean(seen);
      await context.close();
    }
  });
});

describe('an analyst', {timeout: 180_000}, () => {
  it('takes the day from the server, and not from a clock that is a day behind', async () => {
    const asked = [];
    let started = '';
    for (const behindMs of [0, 86_400_000]) {
      const {page, seen, context} = await openPage(browser, {viewport: DESKTOP});
      await context.addInitScript((ms) => {
        const True = Date;
        globalThis.Date = class extends True {
          constructor(...parts) {
            super(...(parts.length === 0 ? [True.now() - ms] : parts));
          }

          static now() {
            return True.now() - ms;
          }
        };
      }, behindMs);
      page.on('request', (r) => {
        const {pathname, searchParams} = new URL(r.url());
        if (pathname.endsWith('/reports/trend')) asked[behindMs === 0 ? 0 : 1] = `${searchParams.get('from')} ${searchParams.get('to')}`;
      });
      await page.goto(`${server.url}/reports/trend?${PARKING}&period=7d`);
      await settled(page, 'trend');
      if (behindMs > 0) await until(() => asked[1] === asked[0], {within: 10_000, what: 'the same days are asked for'});
      await page.goto(`${server.url}/settings/system`);
      await page.locator('[data-testid=system]').waitFor();
      const since = page.locator('[data-testid=since]');
      if (behindMs > 0) await until(async () => (await since.innerText()) === started, {within: 5000, what: 'the time of the start'});
      started = await since.innerText();
      assertClean(seen);
      await context.close();
    }
  });

  it('keeps what is chosen in the address', async () => {
    const {page, seen, context} = await open('/reports/trend');
    await settled(page, 'trend');
    await page.getByTestId('period-7d').check();
    await page.getByTestId('by').selectOption('area');
    await choose(page, 'kinds', '机动车乱停放', 'smoke');
    await page.getByTestId('compare').selectOption('last_year');
    await settled(page, 'trend');
    const url = new URL(page.url());
    assert.deepEqual(Object.fromEntries(url.searchParams), {period: '7d', by: 'area', kinds: 'illegal_parking', compare: 'last_year'});
    assert.match(await page.getByTestId('compare-lack').innerText(), /没有去年同期数据/);
    await page.reload();
    await settled(page, 'trend');
    assert.equal(await page.getByTestId('by').inputValue(), 'area');
    assert.ok(await page.getByTestId('period-7d').isChecked());
    // Another report is about the same time and kind, and the way back is there.
    await page.getByTestId('tab-hotspots').click();
    await settled(page, 'hotspots');
    assert.equal(new URL(page.url()).searchParams.get('kinds'), 'illegal_parking');
    await page.goBack();
    await settled(page, 'trend');
    assertClean(seen);
    await context.close();
  });

  it('is told what there is not enough of, and what may help', async () => {
    const {page, seen, context} = await open(`/reports/emerging?${PARKING}&period=7d`);
    await settled(page, 'emerging');
    assert.equal(await page.getByTestId('report').getAttribute('data-lack'), 'too_few_steps');
    const lack = page.getByTestId('lack');
    assert.match(await lack.innerText(), /至少需要 10 个时间窗/);
    assert.ok(await lack.evaluate((e) => e.getBoundingClientRect().bottom < innerHeight), 'it is seen without scrolling');
    await assertAccessible(page, 'not enough data');
    await lack.getByRole('button', {name: '改为按小时'}).click();
    await until(async () => (await page.getByTestId('report').getAttribute('data-lack')) === '', {within: 20_000, what: 'hours are enough'});
    assert.equal(new URL(page.url()).searchParams.get('every'), 'hour');
    await page.goto(`${server.url}/reports/trend?kind=bin_fill&by=city`);
    await settled(page, 'trend');
    assert.equal(await page.getByTestId('report').getAttribute('data-lack'), 'no_data');
    assertClean(seen);
    await context.close();
  });

  it('takes reports away as files and pictures', async () => {
    const {page, seen, context} = await open(`/reports/hotspots?${PARKING}`);
    await settled(page, 'hotspots');
    const xlsx = await downloaded(page, 'export-xlsx');
    assert.match(xlsx.name, /^hotspots-.*\.xlsx$/);
    assert.equal(xlsx.bytes.subarray(0, 2).toString(), 'PK');
    const csv = await downloaded(page, 'export-csv');
    assert.deepEqual([...csv.bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
    const geo = JSON.parse((await downloaded(page, 'export-geojson')).bytes.toString());
    assert.ok(geo.features.length > 100, `${geo.features.length} features`);
    const picture = await downloaded(page, 'map-png');
    assert.equal(picture.bytes.subarray(1, 4).toString(), 'PNG');
    await page.goto(`${server.url}/reports/trend?by=area&${PARKING}`);
    await settled(page, 'trend');
    const chart = await downloaded(page, 'trend-chart-png');
    assert.match(chart.name, /^trend-.*trend-chart\.png$/);
    assert.ok(chart.bytes.length > 20_000, `a chart of ${chart.bytes.length} bytes`);
    assertClean(seen);
    await context.close();
  });

  it('prints clean pages of A4', async () => {
    const {page, seen, context} = await open(`/reports/trend?by=area&${PARKING}`, {theme: 'dark'});
    await settled(page, 'trend');
    // What the browser is told before it takes its picture must be on the page at once.
    const drawn = await page.evaluate(() => {
      const svg = () => document.querySelector('[data-testid=trend-chart] .chart svg');
      const before = svg().getBoundingClientRect().width;
      window.dispatchEvent(new Event('beforeprint'));
      const paper = {width: svg().getBoundingClientRect().width, right: Math.max(...[...svg().querySelectorAll('path')].map((p) => p.getBBox()).map((b) => b.x + b.width))};
      window.dispatchEvent(new Event('afterprint'));
      return {before, paper, after: svg().getBoundingClientRect().width};
    });
    assert.ok(drawn.paper.width < 690 && drawn.paper.right < 690, `on paper a chart is ${JSON.stringify(drawn.paper)}`);
    assert.equal(drawn.after, drawn.before);
    const pdf = (await page.pdf({preferCSSPageSize: true, printBackground: true})).toString('latin1');
    const pages = pdf.match(/\/Type\s*\/Page\b/g) ?? [];
    assert.ok(pages.length >= 2 && pages.length <= 8, `${pages.length} pages`);
    for (const [, width, height] of pdf.matchAll(/\/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]/g)) {
      assert.ok(Math.abs(Number(width) - 595.28) < 1 && Math.abs(Number(height) - 841.89) < 1, `a page of ${width} × ${height}`);
    }
    await page.setViewportSize({width: 688, height: 980});
    await page.emulateMedia({media: 'print'});
    const paper = await page.evaluate(() => ({
      ground: getComputedStyle(document.body).backgroundColor,
      hidden: [...document.querySelectorAll('.top, .bar, .controls, .weekly, .files')].every((e) => getComputedStyle(e).display === 'none'),
      isWide: document.documentElement.scrollWidth > innerWidth,
      ink: document.querySelector('[data-testid=trend-chart] text')?.getAttribute('fill'),
    }));
    assert.deepEqual(paper, {ground: 'rgb(255, 255, 255)', hidden: true, isWide: false, ink: paper.ink});
    assert.notEqual(paper.ink, '#e8eff6', 'charts are drawn for paper');
    await shoot(page, 'reports-print');
    await page.emulateMedia({media: null});
    await page.setViewportSize(DESKTOP);
    await until(async () => (await page.locator('[data-testid=trend-chart] svg').boundingBox()).width > 700, {within: 5_000, what: 'the chart fills the screen again'});
    assertClean(seen);
    await context.close();
  });

  it('has room for every report on paper', async () => {
    for (const lang of ['zh-CN', 'en']) {
      const {page, seen, context} = await open('/reports/health', {viewport: {width: 688, height: 980}, lang});
      for (const [name, path] of REPORTS) {
        await page.emulateMedia({media: null});
        await page.goto(`${server.url}${path}`);
        await settled(page, name);
        await page.emulateMedia({media: 'print'});
        await shoot(page, `reports-print-${name}-${lang}`);
        const [tooWide, broken] = await page.evaluate(() => {
          const cells = [...document.querySelectorAll('td, th')];
          const texts = cells.flatMap((cell) => {
            const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
            const nodes = [];
            while (walker.nextNode()) nodes.push(walker.currentNode);
            return nodes;
          });
          const words = texts.flatMap((node) => [...node.data.matchAll(/[a-z0-9.,:%<]+/gi)].map((found) => {
            const word = found[0];
            const range = document.createRange();
            range.setStart(node, found.index);
            range.setEnd(node, found.index + word.length);
            return new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size > 1 ? word : '';
          }));
          return [
            [...document.querySelectorAll('table')].filter((t) => t.getBoundingClientRect().right > innerWidth).map((t) => `${t.closest('section').dataset.testid} ${Math.round(t.getBoundingClientRect().right)}`),
            words.filter((w) => w !== ''),
          ];
        });
        assert.deepEqual(tooWide, [], `${name} is as wide as the paper`);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is as wide as the paper`);
        assert.deepEqual(broken, [], `words and numbers of ${name} that are broken, ${lang}`);
      }
      assertClean(seen);
      await context.close();
    }
  });

  it('runs a long one as a job, gives one up, and comes back to another by its address', async () => {
    const {page, seen, context} = await open(`/reports/hotspots?${PARKING}&scan=1&replicates=9999&resolution=10`);
    await settled(page, 'hotspots');
    assert.equal(await page.getByTestId('scan-table').count(), 0);
    await page.getByTestId('job-start').click();
    await page.locator('[data-testid=job][data-state=running]').waitFor({timeout: 20_000});
    await assertAccessible(page, 'a job');
    await page.getByTestId('job-cancel').click();
    await page.locator('[data-testid=job][data-state=cancelled]').waitFor({timeout: 20_000});
    const {jobs} = await (await fetch(`${server.url}/api/v1/reports/jobs`)).json();
    assert.equal(jobs[0]?.state, 'cancelled');
    await page.getByTestId('replicates').selectOption('99');
    await page.getByTestId('resolution').selectOption('9');
    await page.getByTestId('job-start').click();
    await page.getByTestId('scan-table').waitFor({timeout: 60_000});
    assert.match(new URL(page.url()).searchParams.get('job') ?? '', /^[0-9a-f-]{36}$/);
    await page.reload();
    await page.getByTestId('scan-table').waitFor({timeout: 20_000});
    assertClean(seen);
    await context.close();
  });

  it('works by keyboard alone', async () => {
    const {page, seen, context} = await open(`/reports/hotspots?${PARKING}`);
    await settled(page, 'hotspots');
    const press = async (selector, key) => {
      await page.locator(selector).first().focus();
      await page.keyboard.press(key);
    };
    await press('[data-testid=layer-density]', 'Enter');
    await until(() => new URL(page.url()).searchParams.get('layer') === 'density', {within: 5_000, what: 'the layer is in the address'});
    const first = await page.locator('[data-testid=report-map] path').nth(1).getAttribute('d');
    await press('[data-testid=map-catch]', '+');
    assert.notEqual(await page.locator('[data-testid=report-map] path').nth(1).getAttribute('d'), first, 'the map zooms');
    await press('[data-testid=clusters-table] .pick', 'Enter');
    await until(() => /^row-\d+$/.test(new URL(page.url()).searchParams.get('pick') ?? ''), {within: 5_000, what: 'a cluster is picked'});
    await press('[data-testid=cells-table] th:nth-child(3) .sort', 'Enter');
    assert.equal(await page.locator('[data-testid=cells-table] th').nth(2).getAttribute('aria-sort'), 'descending');
    assertClean(seen);
    await context.close();
  });
});

describe('several kinds and areas', {timeout: 180_000}, () => {
  it('are chosen by keyboard, and each kind has its own numbers of both areas', async () => {
    const {page, seen, context} = await open('/reports/trend?by=city&kinds=stall');
    await settled(page, 'trend');
    const alone = await page.getByTestId('summary-table').innerText();
    await page.getByTestId('kinds').focus();
    await page.keyboard.press('Enter');
    await page.getByTestId('kinds-panel').waitFor();
    await assertAccessible(page, 'choosing kinds');
    await page.keyboard.type('乱停放');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    await until(() => new URL(page.url()).searchParams.get('kinds') === 'illegal_parking,stall', {within: 5_000, what: 'both kinds are in the address'});
    await shoot(page, 'reports-choose-kinds');
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('data-testid')), 'kinds', 'the keyboard is back at the button');
    await page.getByTestId('areas').focus();
    await page.keyboard.press('Enter');
    for (const key of ['Space', 'ArrowDown', 'Space', 'Escape']) await page.keyboard.press(key);
    await settled(page, 'trend');
    const asked = new URL(page.url()).searchParams;
    const areas = asked.get('areas').split(',');
    assert.equal(areas.length, 2);
    // The numbers are those of the server, of each kind by itself, and less than those of the whole city.
    const api = async (query) => (await (await fetch(`${server.url}/api/v1/reports/trend?by=city&period=30d&${query}`)).json()).tables[0];
    const column = (table, key) => table.columns.findIndex((c) => c.key === key);
    const both = await api(`kind=stall,illegal_parking&area=${areas.join(',')}`);
    const text = await page.getByTestId('summary-table').innerText();
    assert.equal(both.rows.length, 2);
    for (const row of both.rows) {
      assert.ok(text.includes(row[column(both, 'value')].toLocaleString('zh-CN')), `${text} shows ${row[column(both, 'value')]}`);
      const kind = row[column(both, 'kind')];
      const parts = await Promise.all(areas.map((a) => api(`kind=${kind}&area=${a}`)));
      assert.equal(row[column(both, 'value')], parts.reduce((n, t) => n + (t.rows[0]?.[column(t, 'value')] ?? 0), 0), `${kind} of both areas is what each has`);
    }
    assert.notEqual(text, alone);
    assert.match(await page.getByTestId('report-title').innerText(), /机动车乱停放、占道经营|占道经营、机动车乱停放/);
    await page.reload();
    await settled(page, 'trend');
    assert.equal(await page.getByTestId('summary-table').innerText(), text);
    await assertAccessible(page, 'two kinds in two areas');
    await shoot(page, 'reports-two-kinds');
    assertClean(seen);
    await context.close();
  });

  it('are a section each where they are answered by themselves, with files and paper', async () => {
    const {page, seen, context} = await open('/reports/hotspots?kinds=illegal_parking,stall', {lang: 'en', theme: 'dark'});
    await settled(page, 'hotspots');
    assert.equal(await page.locator('[data-testid^=section-]').count(), 2);
    assert.match(await page.getByTestId('section-illegal_parking').getByTestId('clusters-table').innerText(), /Caoyang/);
    assert.equal(await page.getByTestId('section-stall').getByTestId('report-map').count(), 1);
    await page.getByTestId('section-illegal_parking').locator('[data-testid=clusters-table] .pick').first().click();
    await until(() => (new URL(page.url()).searchParams.get('pick') ?? '').startsWith('illegal_parking:row-'), {within: 5_000, what: 'what is picked is of its section'});
    assert.match(await page.getByTestId('about').innerText(), /Illegal parking: |Street stall: /);
    const geo = JSON.parse((await downloaded(page, 'export-geojson')).bytes.toString());
    assert.deepEqual([...new Set(geo.features.map((f) => f.properties.section))].sort(), ['illegal_parking', 'stall']);
    await assertAccessible(page, 'sections');
    await shoot(page, 'reports-sections-en-dark');
    await page.emulateMedia({media: 'print'});
    await page.setViewportSize({width: 688, height: 980});
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'sections are as wide as the paper');
    assertClean(seen);
    await context.close();
  });
});

describe('saved reports', {timeout: 180_000}, () => {
  async function saveAs(page, name, note = '') {
    await page.getByTestId('save-as').click();
    await page.getByTestId('bookmark-name').fill(name);
    if (note !== '') await page.getByTestId('bookmark-note').fill(note);
    await page.getByTestId('bookmark-save').click();
  }

  it('are saved under a name, opened with one click, renamed and deleted, and nobody overwrites anybody', async () => {
    const {page, seen, context} = await open('/reports/saved');
    await page.getByTestId('bookmarks-none').waitFor({timeout: 20_000});
    await assertAccessible(page, 'nothing saved by people');
    await page.goto(`${server.url}/reports/trend?by=area&kinds=illegal_parking,stall&period=4w&compare=last_year`);
    await settled(page, 'trend');
    await page.getByTestId('save-as').focus();
    await page.keyboard.press('Enter');
    assert.match(await page.getByTestId('bookmark-period').innerText(), /近 4 周：随时间移动/);
    await assertAccessible(page, 'saving');
    await shoot(page, 'reports-save');
    await page.keyboard.type('乱停放与占道');
    await page.keyboard.press('Tab');
    await page.keyboard.type('周一例会');
    await page.keyboard.press('Enter');
    await page.getByTestId('ask-name').waitFor({timeout: 5_000});
    await page.getByTestId('name').fill('王芳');
    await page.keyboard.press('Enter');
    await page.getByTestId('bookmark-dialog').waitFor({state: 'detached', timeout: 10_000});
    // Under the same name again, written in another way: it is said whose it is.
    await saveAs(page, ' 乱停放与占道 ');
    await page.getByTestId('bookmark-replace').waitFor({timeout: 10_000});
    assert.match(await page.getByTestId('bookmark-dialog').innerText(), /已被使用（王芳 保存）/);
    await assertAccessible(page, 'a taken name');
    await page.getByTestId('bookmark-name').fill('固定');
    await page.getByTestId('bookmark-save').click();
    await page.getByTestId('bookmark-dialog').waitFor({state: 'detached', timeout: 10_000});
    await page.getByTestId('tab-saved').click();
    await page.getByTestId('bookmark-row').nth(1).waitFor({timeout: 10_000});
    await page.reload();
    const row = page.getByTestId('bookmark-row').filter({hasText: '乱停放与占道'});
    await row.waitFor({timeout: 20_000});
    assert.match(await row.innerText(), /周一例会[\s\S]*趋势[\s\S]*近 4 周[\s\S]*机动车乱停放、占道经营 · 全市 · 按责任网格[\s\S]*王芳/);
    assert.equal(await page.getByTestId('saved').count(), 1, 'what the server made stands below');
    await assertAccessible(page, 'saved reports');
    await shoot(page, 'reports-saved');
    await row.getByRole('link', {name: '乱停放与占道'}).click();
    await settled(page, 'trend');
    assert.deepEqual(Object.fromEntries(new URL(page.url()).searchParams), {period: '4w', kinds: 'illegal_parking,stall', by: 'area', compare: 'last_year'});

    // A second person renames it while the first has the form open.
    await page.getByTestId('tab-saved').click();
    await row.getByTestId('bookmark-edit').click();
    const other = await openPage(browser, {viewport: DESKTOP, theme: 'dark', lang: 'en'});
    await other.page.goto(`${server.url}/reports/saved`);
    await other.page.getByTestId('bookmark-row').filter({hasText: '乱停放与占道'}).getByTestId('bookmark-edit').click();
    await other.page.getByTestId('bookmark-name').fill('Weekly parking');
    await other.page.getByTestId('bookmark-save').click();
    await other.page.getByTestId('name').fill('Li Ming');
    await other.page.getByTestId('name-give').click();
    await other.page.getByTestId('bookmark-row').filter({hasText: 'Weekly parking'}).waitFor({timeout: 10_000});
    await page.getByTestId('bookmark-name').fill('停车周报');
    await page.getByTestId('bookmark-save').click();
    const clash = page.getByTestId('bookmark-conflict');
    await clash.waitFor({timeout: 10_000});
    assert.match(await clash.innerText(), /Li Ming 刚刚修改了它[\s\S]*Weekly parking[\s\S]*停车周报/);
    await assertAccessible(page, 'a conflict');
    await shoot(page, 'reports-saved-conflict');
    await page.getByTestId('keep-mine').click();
    await page.getByTestId('bookmark-row').filter({hasText: '停车周报'}).waitFor({timeout: 10_000});
    // The other one deletes what they saw under another name: they are told first.
    await other.page.getByTestId('bookmark-row').filter({hasText: 'Weekly parking'}).getByTestId('bookmark-remove').click();
    await assertAccessible(other.page, 'deleting, English, dark');
    await other.page.getByTestId('remove-do').click();
    await other.page.getByTestId('remove-conflict').waitFor({timeout: 10_000});
    assert.match(await other.page.getByTestId('remove-dialog').innerText(), /王芳 has just changed it[\s\S]*Delete all the same/);
    await shoot(other.page, 'reports-saved-en-dark');
    await other.page.getByTestId('remove-do').click();
    await until(async () => (await other.page.getByTestId('bookmark-row').count()) === 1, {within: 10_000, what: 'it is gone'});
    const {changes} = await (await fetch(`${server.url}/api/v1/reports/bookmarks/changes`)).json();
    assert.deepEqual(changes.map((c) => [c.name, c.by, c.removed]), [
      ['停车周报', 'Li Ming', true], ['停车周报', '王芳', false], ['Weekly parking', 'Li Ming', false], ['固定', '王芳', false], ['乱停放与占道', '王芳', false],
    ]);
    for (const s of [seen, other.seen]) assert.deepEqual(s.errors.filter((e) => !/409|412/.test(e)), [], 'console errors');
    await other.context.close();
    await context.close();
  });

  it('say when they could not be loaded, and that there is nothing where none are kept', async () => {
    const {page, context} = await openPage(browser, {viewport: DESKTOP, theme: 'light'});
    let status = 500;
    await page.route(/\/api\/v1\/reports\/bookmarks$/, (route) => route.fulfill({status, contentType: 'application/problem+json', json: {title: 'x', status, detail: 'the disk is full'}}));
    await page.goto(`${server.url}/reports/saved`);
    const marks = page.getByTestId('bookmarks');
    await until(async () => /大家保存的报告没能读出/.test(await marks.innerText()), {within: 10_000, what: 'the failure is said'});
    status = 501;
    await marks.getByRole('button', {name: '重试'}).click();
    await until(async () => /这台服务器不保存报告/.test(await marks.innerText()), {within: 10_000, what: 'that none are kept is said'});
    await context.close();
  });
});

describe('what the server made and when it fails', {timeout: 120_000}, () => {
  it('has no weekly report at first, and says when there will be one', async () => {
    const {page, seen, context} = await open('/reports/saved?schedule=weekly');
    await page.getByTestId('saved-none').waitFor({timeout: 20_000});
    assert.match(await page.getByTestId('weekly').innerText(), /周一 06:00/);
    await assertAccessible(page, 'nothing saved');
    assertClean(seen);
    await context.close();
  });

  it('shows the weekly report at the top, and opens its parts', async () => {
    // A Monday is too long to wait for: the list and the book are put together of real reports.
    const one = async (path) => (await fetch(`${server.url}/api/v1/reports/${path}`)).json();
    const reports = [await one(`trend?by=area&${PARKING}`), await one(`hotspots?${PARKING}`)];
    const {period, generated_at} = reports[0];
    const item = {
      id: 'weekly-20261122T2200Z-book', schedule: 'weekly', due_at: period.to, title: {zh: '周报', en: 'Weekly report'}, from: period.from, to: period.to,
      generated_at, results: 2, bytes: 1000, formats: ['json', 'xlsx'], href: '/api/v1/reports/saved/weekly-20261122T2200Z-book',
    };
    const {page, seen, context} = await openPage(browser, {viewport: DESKTOP, theme: 'light'});
    await page.route(/\/api\/v1\/reports\/saved\?/, (route) => route.fulfill({json: {saved: [item]}}));
    await page.route(/\/api\/v1\/reports\/saved\/weekly/, (route) => route.fulfill({json: {title: item.title, reports}}));
    await page.goto(`${server.url}/reports`);
    const weekly = page.getByTestId('weekly');
    await weekly.getByRole('link', {name: /打开/}).waitFor({timeout: 20_000});
    assert.match(await page.getByTestId('weekly-workbook').getAttribute('href'), /^\/api\/v1\/reports\/saved\/weekly-.*format=xlsx&lang=zh$/);
    await weekly.getByRole('link', {name: /打开/}).click();
    await settled(page, 'trend');
    await page.getByTestId('part').selectOption('1');
    await settled(page, 'hotspots');
    assert.equal(new URL(page.url()).searchParams.get('part'), '1');
    await assertAccessible(page, 'a saved report');
    await shoot(page, 'reports-weekly');
    await page.getByRole('link', {name: /返回列表/}).click();
    assert.equal(await page.getByTestId('saved-row').count(), 1);
    assertClean(seen);
    await context.close();
  });

  it('says that a report could not be made, and tries again', async () => {
    const {page, seen, context} = await openPage(browser, {viewport: DESKTOP, theme: 'light'});
    let isBroken = true;
    await page.route(/\/api\/v1\/reports\/trend/, (route) => (isBroken ? route.fulfill({status: 500, contentType: 'application/problem+json', json: {title: 'Internal Server Error', status: 500, detail: 'the disk is full'}}) : route.continue()));
    await page.goto(`${server.url}/reports/trend`);
    const failed = page.getByTestId('report-failed');
    await failed.waitFor({timeout: 20_000});
    assert.match(await failed.innerText(), /报告没能生成[\s\S]*服务器出错了/);
    await failed.locator('summary').click();
    assert.match(await failed.innerText(), /the disk is full/);
    await assertAccessible(page, 'an error');
    isBroken = false;
    await failed.getByRole('button', {name: '重试'}).click();
    await settled(page, 'trend');
    assert.deepEqual(seen.errors.filter((e) => !/500/.test(e)), []);
    await context.close();
  });

  it('fetches charts with reports alone', async () => {
    const {page, context} = await openPage(browser, {viewport: DESKTOP});
    const scripts = [];
    page.on('request', (r) => scripts.push(r.url()));
    await page.goto(`${server.url}/alerts`);
    await page.getByTestId('queue').or(page.locator('[data-view=alerts]')).first().waitFor({timeout: 20_000});
    assert.deepEqual(scripts.filter((u) => /echarts/.test(u)), []);
    await page.goto(`${server.url}/reports/trend?by=area&${PARKING}`);
    await settled(page, 'trend');
    assert.equal(scripts.filter((u) => /echarts.*\.js/.test(u)).length, 1);
    await context.close();
  });
});

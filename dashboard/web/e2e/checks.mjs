// What holds of every page and every dialog, whatever it shows.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** That axe finds nothing, and that every moment tells its offset. */
export async function assertAccessible(page, what) {
  await page.evaluate(axe);
  const violations = await page.evaluate(() => window.axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
    .then((r) => r.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} ${n.any.map((a) => a.message).join(' ')}`).slice(0, 3).join(' | ')}`)));
  assert.deepEqual(violations, [], `axe, ${what}`);
  await assertTimesTold(page, what);
}

/**
 * That whoever points at a time reads its offset: each text that looks like a
 * moment lies in a <time> whose title has it, or names its zone itself. An axis
 * bears times alone; then the zone stands beside its chart, or by the clock of the
 * wall. What devices sent and people wrote, in code and in fields, stays as it is.
 */
export async function assertTimesTold(page, what) {
  const untold = await page.evaluate(() => {
    const moment = /(^|[^\d.:])([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?($|[^\d:])|(^|\D)\d{4}-\d{2}-\d{2}($|\D)|\d (秒|分钟|小时|天)前|\d (s|min|h|d) ago/;
    const zone = /UTC[+-]\d{2}:\d{2}/;
    const named = /UTC[+-]\d{2}:\d{2}|[A-Z][a-z]+\/[A-Z][a-z]+/;
    const out = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const text = (node.nodeValue ?? '').trim();
      const element = node.parentElement;
      if (element === null || !moment.test(text) || named.test(text) || element.closest('script, style, code, pre, option, [data-as-written]') !== null) continue;
      const svg = element.closest('svg');
      const beside = svg?.closest('[data-testid=kiosk]') ?? svg?.closest('section, [role=region], dialog');
      if (zone.test(beside?.textContent ?? '')) continue;
      const time = element.closest('time');
      if (time === null || !zone.test(time.title) || Number.isNaN(Date.parse(time.dateTime))) out.push(`${element.tagName.toLowerCase()}.${element.className}: ${text}`);
    }
    return out;
  });
  assert.deepEqual(untold, [], `times without their offset, ${what}`);
}

/** That nothing has to be scrolled sideways at these sizes; the page keeps the last one. */
export async function assertFits(page, sizes, what = '') {
  for (const [width, height] of sizes) {
    await page.setViewportSize({width, height});
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${wide} pixels too wide at ${width} ${what}`);
  }
}

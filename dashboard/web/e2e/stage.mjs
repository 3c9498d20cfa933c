// What the tests of a view stand on: the real binary on a folder of its own, and a browser.
import assert from 'node:assert/strict';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before} from 'node:test';
import {startBinary} from './binary.mjs';
import {GRAPHICS, launch} from './browser.mjs';

/**
 * Starts both before the tests of a file and ends them after; ready, if given, is
 * waited for. server, browser and data are there once the tests run.
 */
export function theStage({name, args = [], graphics = GRAPHICS.none, ready = async () => undefined}) {
  const stage = {
    data: '', server: undefined, browser: undefined,

    /** Asks the HTTP API; an answer that is no success fails the test. */
    async api(path, init) {
      const answer = await fetch(`${stage.server.url}/api/v1/${path}`, init);
      assert.ok(answer.ok, `${path}: ${answer.status}`);
      return answer.json();
    },

    /** That a page has written no error but those expected, and asked no other host. */
    assertClean(seen, expected = /^$/) {
      assert.deepEqual(seen.errors.filter((e) => !expected.test(e)), [], 'console errors');
      assert.deepEqual([...seen.hosts], [new URL(stage.server.url).host], 'hosts that were asked');
    },
  };
  before(async () => {
    stage.data = mkdtempSync(join(tmpdir(), `urbangrid-e2e-${name}-`));
    stage.server = await startBinary({data: stage.data, args});
    stage.browser = await launch(graphics);
    await ready(stage);
  });
  after(async () => {
    await stage.browser?.close();
    await stage.server?.stop();
    rmSync(stage.data, {recursive: true, force: true});
  });
  return stage;
}

import {get} from 'svelte/store';
import {describe, expect, it} from 'vitest';
import {ApiError} from '../src/api';
import {CATALOGUES} from '../src/i18n';
import {failureOf, problemOf} from '../src/problem';
import {toastFailure, toasts} from '../src/toast';

describe('what the server refused', () => {
  it('is told in the language of the page, with its own words beside', () => {
    const error = new ApiError(422, 'Unprocessable Entity', 'validation failed — body.raise: expected number');
    expect(problemOf(error, 'zh')).toEqual({text: '填写的内容没有被接受。', detail: 'Unprocessable Entity: validation failed — body.raise: expected number'});
    expect(problemOf(error, 'en').text).toBe('What was filled in was not accepted.');
  });

  it('has a word for every status, none of them English in the Chinese page', () => {
    for (const status of [0, 400, 401, 403, 404, 409, 410, 412, 413, 415, 418, 422, 428, 429, 500, 501, 502, 503, 504]) {
      expect(problemOf(new ApiError(status, 'Title', 'detail'), 'zh').text, String(status)).toMatch(/^[^a-z]+$/i);
    }
    expect(problemOf(new ApiError(412, 'Precondition Failed', ''), 'zh').text).toBe(CATALOGUES.zh.problems.conflict);
    expect(problemOf(new TypeError('x is undefined'), 'zh')).toEqual({text: '没有成功。', detail: 'x is undefined'});
    expect(problemOf(new ApiError(0, 'Failed to fetch', ''), 'zh')).toEqual({text: '没有连上服务器。', detail: ''});
  });

  it('leaves a text of the page as it is', () => {
    expect(problemOf('这不是 GeoJSON。', 'zh')).toEqual({text: '这不是 GeoJSON。', detail: ''});
  });

  it('begins with what was wanted, and folds the rest away in a toast', () => {
    expect(failureOf('保存失败', new ApiError(503, 'Service Unavailable', 'store is away'), 'zh').text).toBe('保存失败：服务器暂时无法处理，请稍后再试。');
    toastFailure('保存失败', new ApiError(503, 'Service Unavailable', 'store is away'), 'zh');
    expect(get(toasts).at(-1)).toMatchObject({text: '保存失败：服务器暂时无法处理，请稍后再试。', tone: 'bad', detail: 'Service Unavailable: store is away'});
  });
});

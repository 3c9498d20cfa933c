import {get} from 'svelte/store';
import {describe, expect, it} from 'vitest';
import {ruleName} from '../src/views/alerts/names';
import {decodeLog, decodeRuleNames} from '../src/views/alerts/wire';
import {names, optional, str} from '../src/wire';
import {Who} from '../src/who';

describe('a text with signs that turn writing around', () => {
  it('loses them at the door', () => {
    expect([str('王\u202E芳', 'x'), optional('a\u2066b\u2069', 'x'), names({zh: '\u202D噪声', en: 'noise\u202C'}, 'x')]).toEqual(['王芳', 'ab', {zh: '噪声', en: 'noise'}]);
    const [entry] = decodeLog({entries: [{seq: 1, at: '2026-11-22T08:00:00Z', by: '\u202Egnaw', action: 'comment', note: 'a\u202Eb', state: 'new'}]});
    expect([entry?.by, entry?.note]).toEqual(['gnaw', 'ab']);
  });

  it('leaves what scripts that run to the left need', () => {
    expect(str('שלום\u200F!', 'x')).toBe('שלום\u200F!');
  });

  it('is no name of a person', () => {
    const who = new Who('王\u202E芳', () => undefined);
    expect(get(who.name)).toBe('王芳');
    who.answer('\u202Egnaw');
    expect(get(who.name)).toBe('gnaw');
  });
});

describe('a rule', () => {
  it('stands by its name in the language of the page, by its key while nobody knows', () => {
    const rules = decodeRuleNames({rules: [{name: 'parking_cluster', rule: {names: {zh: '乱停放聚集', en: 'Parking cluster'}}}]});
    expect([ruleName(rules, 'parking_cluster', 'zh'), ruleName(rules, 'parking_cluster', 'en'), ruleName(rules, 'of_old', 'zh')])
      .toEqual(['乱停放聚集', 'Parking cluster', 'of_old']);
  });
});

import {describe, expect, it} from 'vitest';
import {changedQuery, hrefOf, parseRoute, Router, VIEWS, type AddressBar} from '../src/router';
import {get} from 'svelte/store';

function bar(pathname: string, search = ''): AddressBar & {readonly log: string[]} {
  const log: string[] = [];
  const move = (how: string) => (href: string) => {
    log.push(`${how} ${href}`);
    const url = new URL(href, 'http://x');
    now = {pathname: url.pathname, search: url.search};
  };
  let now = {pathname, search};
  return {
    log,
    get pathname() { return now.pathname; },
    get search() { return now.search; },
    push: move('push'), replace: move('replace'),
  };
}

describe('an address', () => {
  it('names a view, a place within it and what is on screen', () => {
    const r = parseRoute('/alerts/0193-%E5%91%8A', '?severity=critical&severity=warning');
    expect([r.view, r.path, r.query.getAll('severity')]).toEqual(['alerts', ['0193-告'], ['critical', 'warning']]);
  });

  it('is read back as it was made, for every view', () => {
    for (const view of VIEWS) {
      const path = view === 'live' ? [] : ['a b', '50%'];
      const url = new URL(hrefOf(view, path, new URLSearchParams({q: '长风 & x'})), 'http://x');
      const r = parseRoute(url.pathname, url.search);
      expect([r.view, r.path, r.query.get('q')]).toEqual([view, path, '长风 & x']);
    }
  });

  it('that names nothing is nothing, and one that is no proper encoding is taken as it is', () => {
    expect(parseRoute('/nowhere', '').view).toBeNull();
    expect(parseRoute('/devices/%E5', '').path).toEqual(['%E5']);
  });

  it('loses what is changed to nothing and keeps the rest', () => {
    const q = changedQuery(new URLSearchParams('a=1&b=2&c=3'), {a: null, b: ['x', 'y'], d: ''});
    expect(q.toString()).toBe('c=3&b=x&b=y');
  });
});

describe('Router', () => {
  it('steps to another place so that one can go back, and changes filters in place', () => {
    const b = bar('/');
    const router = new Router(b);
    router.go('/alerts?state=open');
    router.go('/alerts?state=open');
    router.replaceQuery({severity: 'critical'});
    router.replaceQuery({severity: 'critical'});
    router.replaceQuery({state: null, severity: null});
    expect(b.log).toEqual(['push /alerts?state=open', 'replace /alerts?state=open&severity=critical', 'replace /alerts']);
    expect(get(router.route).view).toBe('alerts');
  });
});

describe('an arrival', () => {
  it('is told for links and the back button, not for a change in place', () => {
    const router = new Router(bar('/alerts'));
    const arrived: (string | null)[] = [];
    router.onArrival((r) => arrived.push(r.view));
    router.go('/?kind=noise');
    router.replaceQuery({kind: 'pm25'});
    router.moved();
    expect(arrived).toEqual(['live', 'live']);
  });
});

/* Runs before everything else, in ES5, in any browser: chooses theme and
   language before the first paint, and shows the notice to browsers below the
   baseline. */
(function () {
  'use strict';
  var root = document.documentElement;
  function remembered(key) {
    try { return window.localStorage.getItem(key); } catch (e) { return null; }
  }
  var theme = remembered('urbangrid.theme');
  if (theme !== 'dark' && theme !== 'light') {
    theme = window.matchMedia && window.matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
  }
  root.setAttribute('data-theme', theme);
  root.lang = remembered('urbangrid.lang') === 'en' ? 'en' : 'zh-CN';

  var modern = 'noModule' in document.createElement('script') &&
    typeof BigInt === 'function' && typeof WeakRef === 'function' && !!String.prototype.replaceAll;
  if (!modern) {
    document.addEventListener('DOMContentLoaded', function () {
      document.getElementById('app').style.display = 'none';
      document.getElementById('too-old').hidden = false;
    });
  }
})();

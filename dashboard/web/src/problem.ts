import {ApiError} from './api';
import {CATALOGUES, type Lang, type Messages} from './i18n';

/** What went wrong, for people: in their language, and as the server said it. */
export interface Problem {
  readonly text: string;
  /** In the server's words, which are English; '' where they say no more. */
  readonly detail: string;
}

function wordOf(status: number): keyof Messages['problems'] {
  switch (status) {
    case 400:
    case 415:
    case 422:
      return 'invalid';
    case 401:
    case 403:
      return 'denied';
    case 404:
    case 410:
      return 'missing';
    case 409:
    case 412:
    case 428:
      return 'conflict';
    case 413:
      return 'large';
    case 429:
      return 'often';
    case 501:
    case 502:
    case 503:
    case 504:
      return 'busy';
    default:
      return status >= 500 ? 'broken' : 'other';
  }
}

/** An error by its status in the words of a language; a text stays as it is. */
export function problemOf(error: unknown, lang: Lang): Problem {
  const m = CATALOGUES[lang];
  if (typeof error === 'string') return {text: error, detail: ''};
  if (!(error instanceof ApiError)) return {text: m.problems.other, detail: error instanceof Error ? error.message : String(error)};
  return error.status === 0 ? {text: m.unreachable, detail: ''} : {text: m.problems[wordOf(error.status)], detail: error.message};
}

/** A problem in one line that begins with what was wanted. */
export function failureOf(what: string, error: unknown, lang: Lang): Problem {
  const {text, detail} = problemOf(error, lang);
  return {text: `${what}${lang === 'zh' ? '：' : ': '}${text}`, detail};
}

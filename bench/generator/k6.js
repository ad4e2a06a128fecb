// The journey `browse` as k6's documentation would have it written for a large load: an open loop, visitors that exist
// before it begins, bodies dropped where nobody reads them, request parameters made once per login.
import http from 'k6/http';
import exec from 'k6/execution';
import { SharedArray } from 'k6/data';

const URL = __ENV.LOAD_URL;
const VISITORS = Number(__ENV.LOAD_VISITORS);
const { read: READ, write: WRITE, change_login: CHANGE_LOGIN } = JSON.parse(__ENV.LOAD_MIX);
const LOGIN = __ENV.LOAD_LOGIN;
const NOTE = __ENV.LOAD_NOTE;
const JSON_TYPE = { 'Content-Type': 'application/json' };
const logins = new SharedArray('logins', () => JSON.parse(open(__ENV.LOAD_LOGINS)));

export const options = {
  scenarios: {
    load: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.LOAD_RATE),
      timeUnit: '1s',
      duration: `${__ENV.LOAD_SECONDS}s`,
      preAllocatedVUs: VISITORS,
      gracefulStop: '5s',
    },
  },
  discardResponseBodies: true,
  noCookiesReset: true,
  summaryTrendStats: ['med', 'p(99)'],
};

let requests = null;

function prepare(headers) {
  return { read: { headers }, change: { headers: { ...headers, ...JSON_TYPE } } };
}

// k6's cookie jar, like a browser's, keeps Secure cookies from plain http, so they are sent as a header.
function granted(answer) {
  if (__ENV.LOAD_CARRIER === 'bearer') {
    return { Authorization: `Bearer ${answer.json('access_token')}` };
  }
  const session = answer.cookies['__Host-session'][0].value;
  const csrf = answer.cookies['__Host-csrf'][0].value;
  return { Cookie: `__Host-session=${session}; __Host-csrf=${csrf}`, 'X-CSRF-Token': csrf };
}

export default function () {
  requests = requests || prepare(logins[exec.vu.idInTest - 1]);
  const drawn = Math.random() * (READ + WRITE + CHANGE_LOGIN);
  if (drawn < READ) {
    http.get(`${URL}/profile`, requests.read);
  } else if (drawn < READ + WRITE) {
    http.post(`${URL}/notes`, NOTE, requests.change);
  } else {
    http.post(`${URL}/logout`, '{}', requests.change);
    requests = prepare(granted(http.post(`${URL}/login`, LOGIN, { headers: JSON_TYPE, responseType: 'text' })));
  }
}

export function handleSummary(data) {
  return { [__ENV.LOAD_REPORT]: JSON.stringify(data.metrics) };
}

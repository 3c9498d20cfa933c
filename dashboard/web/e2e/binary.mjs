// Runs the real binary: URBANGRID_BIN names it.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {connect} from 'node:net';
import {createInterface} from 'node:readline';

const START_MS = 60_000;

/**
 * Starts `urbangrid serve --demo` on the data folder and answers when it has
 * printed its addresses and is ready. Port 0 lets the server choose; args are
 * further flags.
 */
export async function startBinary({data, http = '127.0.0.1:0', mqtt = '127.0.0.1:0', args = []}) {
  const binary = process.env['URBANGRID_BIN'];
  if (!binary) throw new Error('URBANGRID_BIN must name the urbangrid binary: make build leaves it at bin/urbangrid');
  const child = spawn(binary, ['serve', '--demo', '--data', data, '--http', http, '--mqtt', mqtt, ...args], {stdio: ['ignore', 'pipe', 'pipe']});
  const log = [];
  const found = {};
  const ready = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no addresses within ${START_MS / 1000} s:\n${log.join('\n')}`)), START_MS);
    const read = (line) => {
      log.push(line);
      if (log.length > 400) log.shift();
      const address = /\b(http|mqtt):\/\/[\w.[\]:]+:(\d+)/.exec(line);
      if (address) found[address[1]] ??= address[0];
      if (found.http && found.mqtt) {
        clearTimeout(timer);
        resolve(undefined);
      }
    };
    createInterface({input: child.stdout}).on('line', read);
    createInterface({input: child.stderr}).on('line', (line) => log.push(line));
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`the server ended (${code ?? signal}):\n${log.join('\n')}`));
    });
  });
  await ready;
  const url = found.http;
  await until(async () => (await fetch(`${url}/readyz`)).ok, {within: START_MS, what: 'the server is ready'});
  const end = async (signal) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  return {
    url, mqtt: found.mqtt, log,
    addresses: {http: new URL(url).host, mqtt: found.mqtt.slice('mqtt://'.length)},
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  };
}

/** Asks again until check answers something true; an error counts as no. */
export async function until(check, {within, what, every = 100}) {
  const deadline = Date.now() + within;
  let last;
  for (;;) {
    try {
      const answer = await check();
      if (answer) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`not within ${within / 1000} s: ${what} (last: ${String(last)})`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

function mqttString(text) {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}

function mqttPacket(first, body) {
  const length = [];
  let rest = body.length;
  do {
    length.push((rest % 128) | (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

/** Publishes one observation, or bytes as they are, over MQTT 3.1.1 at QoS 1 and waits for the acknowledgement. */
export function publish(mqttURL, device, observation) {
  return publishAll(mqttURL, [{device, observation}]);
}

/** Publishes observations one after another over one connection and waits for the acknowledgement of each. */
export async function publishAll(mqttURL, messages) {
  const {hostname, port} = new URL(mqttURL);
  const socket = connect(Number(port), hostname);
  socket.setTimeout(20_000, () => socket.destroy(new Error('MQTT timed out')));
  let answers = 0; // bytes: each of the two kinds of answer has four
  socket.on('data', (data) => { answers += data.length; });
  const answered = (n) => until(() => answers >= 4 * n, {within: 20_000, what: `${n} answers over MQTT`, every: 20});
  await once(socket, 'connect');
  socket.write(mqttPacket(0x10, Buffer.concat([mqttString('MQTT'), Buffer.from([4, 2, 0, 30]), mqttString(`e2e-${messages[0].device}`)])));
  await answered(1);
  for (const [k, {device, observation}] of messages.entries()) {
    const id = (k % 0xffff) + 1;
    const body = Buffer.isBuffer(observation) ? observation : Buffer.from(JSON.stringify(observation));
    socket.write(mqttPacket(0x32, Buffer.concat([mqttString(`urbangrid/v1/${device}/obs`), Buffer.from([id >> 8, id & 255]), body])));
    // No more under way than a broker takes from one client.
    if (k % 16 === 15) await answered(k + 2);
  }
  await answered(messages.length + 1);
  socket.end(mqttPacket(0xe0, Buffer.alloc(0)));
}

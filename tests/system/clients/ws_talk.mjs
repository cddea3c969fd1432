// The package ws: everything it does with a connection, and what came of it.
import WebSocket from 'ws';
import { once } from 'node:events';

const [url] = process.argv.slice(2);
const ws = new WebSocket(url, { maxPayload: 1 << 20 });
await once(ws, 'open');

const next = async () => {
  const [data, isBinary] = await once(ws, 'message');
  return isBinary ? { binary: data.toString('base64') } : data.toString();
};
const call = (data, options) => {
  const answer = next();
  ws.send(data, options);
  return answer;
};

const seen = {
  extensions: ws.extensions,
  protocol: ws.protocol,
  text: await call('grüße'),
  binary: await call(Buffer.from([0, 255, 254])),
  empty: await call(''),
};

const pong = once(ws, 'pong');
ws.ping('are you there');
seen.pong = (await pong)[0].toString();

// 100 KB in frames of 20 KB: more than one frame may hold.
const whole = next();
for (let i = 0; i < 5; i++) {
  ws.send('x'.repeat(20000), { fin: i === 4 });
}
seen.fragments = (await whole).length;

const ended = once(ws, 'close');
ws.close(4321, 'enough');
const [code] = await ended;
console.log(JSON.stringify({ ...seen, code }));

// One frame that is too large: closed with 1009.
const greedy = new WebSocket(url);
await once(greedy, 'open');
const refused = once(greedy, 'close');
greedy.send('x'.repeat(32769));
console.log(JSON.stringify({ code: (await refused)[0] }));

// A stage that is none: no upgrade, but the status.
const lost = new WebSocket(url.replace('/dev', '/nowhere'));
const [, response] = await once(lost, 'unexpected-response');
console.log(JSON.stringify({ status: response.statusCode }));
process.exit();

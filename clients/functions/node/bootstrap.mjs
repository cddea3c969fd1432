// The runtime of a Node.js function: takes events from the Lambda Runtime API,
// calls the handler, and posts what it answers. One event at a time; for more,
// more of these processes are started.
//
//   AWS_LAMBDA_RUNTIME_API  host:port of the API
//   _HANDLER                file.export, also folder/file.object.export
//   LAMBDA_TASK_ROOT        the function's folder; else the current one
//   AWS_LAMBDA_FUNCTION_*, AWS_LAMBDA_LOG_*  for the handler's `context`
//
// Exit status, as AWS's own runtime: 1 the function does not load, or the API
// is gone; 128 a promise rejected and nobody looked; 129 nobody caught.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import path from 'node:path';
import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setImmediate } from 'node:timers';
import { pathToFileURL } from 'node:url';
import util from 'node:util';

const API = '/2018-06-01/runtime';
const NOTHING = Buffer.alloc(0);
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const { host, hostname, port } = new URL(
  `http://${process.env.AWS_LAMBDA_RUNTIME_API}`);
// Kept now, because functions patch what they find.
const { exit, stdout } = process;

let requestId; // as log lines show it
let isCrashing = false;
let whenIdle; // called when nothing can happen any more in this process
// Tells the API about a crash, in the way that fits the moment.
let report = (error) => postError(`${API}/init/error`, error);

// --- errors --------------------------------------------------------------------

/** An error of the runtime's own, with the stack of what caused it. */
function fault(type, message, cause) {
  const error = new Error(message);
  error.name = `Runtime.${type}`;
  if (cause?.stack) {
    error.stack = `${error.name}: ${message}\n` +
      String(cause.stack).replace(`${cause}\n`, '');
  }
  return error;
}

/** Any thrown thing, as it is posted. */
function described(error) {
  try {
    if (!util.types.isNativeError(error) && !(error instanceof Error)) {
      return {
        errorType: typeof error, errorMessage: String(error), trace: [],
      };
    }
    return {
      errorType: String(error.name),
      errorMessage: String(error.message),
      trace: String(error.stack).split('\n'),
    };
  } catch {
    return {
      errorType: 'handled',
      errorMessage: 'an error whose name, message or stack cannot be read',
      trace: [],
    };
  }
}

// --- the log -------------------------------------------------------------------

/** Each call is one line: line ends inside become carriage returns. */
function patchConsole() {
  const levels = {
    trace: 'TRACE', debug: 'DEBUG', log: 'INFO', info: 'INFO', warn: 'WARN',
    error: 'ERROR', fatal: 'FATAL',
  };
  for (const [name, level] of Object.entries(levels)) {
    console[name] = (...args) => {
      const line = `${new Date().toISOString()}\t${requestId}\t${level}\t` +
        util.format(...args);
      stdout.write(line.replace(/\n/g, '\r') + '\n');
    };
  }
}

function logError(what, error) {
  const { trace, ...rest } = described(error);
  console.error(what, '\t' + JSON.stringify({ ...rest, stack: trace }));
}

// --- the API -------------------------------------------------------------------

// One connection, which stays: the API takes its loss for the loss of the
// process. It is HTTP/1.1 by hand, as far as this API needs it, because
// node:http costs more than all the rest of an invocation, and because it does
// not pipeline: here an answer and the question for the next event leave
// together, which saves a round trip.

let socket; // undefined: not connected
let waiting = []; // { resolve, reject } of the requests in flight, in order
let parts = []; // what has come and is not taken
let length = 0; // of the parts together
let needed = 0; // before this length, there is no point in parsing

function connected() {
  if (socket) return socket;
  const fresh = connect({
    host: hostname.replace(/^\[|\]$/g, ''), port: port || 80, noDelay: true });
  let reason = new Error('connection closed');
  fresh.on('data', onData);
  fresh.on('error', (error) => { reason = error; });
  fresh.on('close', () => {
    if (socket !== fresh) return;
    const lost = waiting;
    socket = undefined;
    waiting = [];
    keep(NOTHING);
    for (const { reject } of lost) reject(reason);
  });
  fresh.on('end', () => fresh.destroy());
  socket = fresh;
  return fresh;
}

function keep(bytes) {
  parts = [bytes];
  length = bytes.length;
  needed = 0;
}

function onData(chunk) {
  parts.push(chunk);
  length += chunk.length;
  if (length < needed) return;
  keep(length === chunk.length ? chunk : Buffer.concat(parts, length));
  try {
    while (length && take(parts[0]));
  } catch (error) {
    socket.destroy(error);
  }
  // While nothing is asked, it keeps no process alive.
  if (!waiting.length) socket?.unref();
}

/** Hands the first answer to who waits for it, once it is all there. */
function take(bytes) {
  const answer = parsed(bytes);
  if (!answer) return false;
  keep(bytes.subarray(answer.end));
  waiting.shift()?.resolve(answer);
  return true;
}

/** { status, headers, body, end }, or nothing while it is not all there. */
function parsed(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first, ...lines] = bytes.latin1Slice(0, end).split('\r\n');
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const content = /chunked/i.test(headers['transfer-encoding'])
    ? dechunked(bytes, end + 4)
    : sized(bytes, end + 4, Number(headers['content-length'] ?? 0));
  return content && { status: Number(first.split(' ')[1]), headers, ...content };
}

/** { body, end }, or nothing, as the next. */
function sized(bytes, from, size) {
  const end = from + size;
  if (bytes.length >= end) return { body: bytes.utf8Slice(from, end), end };
  needed = end;
  return undefined;
}

function dechunked(bytes, from) {
  const chunks = [];
  for (;;) {
    const end = bytes.indexOf('\r\n', from);
    if (end < 0) return undefined;
    const size = parseInt(bytes.latin1Slice(from, end), 16);
    if (!(size >= 0)) throw new Error('malformed chunk');
    from = end + 2 + size + 2;
    if (bytes.length < from) return undefined;
    if (size === 0) return { body: Buffer.concat(chunks).toString(), end: from };
    chunks.push(bytes.subarray(end + 2, end + 2 + size));
  }
}

/** Writes a request's head, and `body` with it; the answer is promised. */
function begin(method, target, headers, body = '') {
  let head = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n`;
  for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
  return new Promise((resolve, reject) => {
    waiting.push({ resolve, reject });
    connected().ref();
    socket.write(`${head}\r\n${body}`);
  });
}

async function call(method, target, headers, body) {
  for (;;) {
    const isKept = socket !== undefined;
    try {
      return await begin(method, target, headers, body);
    } catch (error) {
      // A kept connection may have been closed just as we wrote to it; a new
      // one tells whether anybody is there.
      if (!isKept) throw error;
    }
  }
}

/**
 * Posts an answer or an error. That nobody wanted it (too late, too large) is
 * no reason to stop, and whether the API is still there, `next` will tell.
 */
async function post({ target, headers, body }) {
  try {
    const { status, body: told } = await call('POST', target, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      ...headers,
    }, body);
    if (status !== 202) console.error(`${target}: ${status} ${told}`);
  } catch (error) {
    console.error(`${target}: ${error.message}`);
  }
}

const headerText = (text) => text.replace(/[^\x20-\x7e]/g, '?');

function errorPost(target, error) {
  const told = described(error);
  return {
    target,
    headers: {
      'Lambda-Runtime-Function-Error-Type': headerText(told.errorType),
    },
    body: JSON.stringify(told),
  };
}

const postError = (target, error) => post(errorPost(target, error));

async function next() {
  const { status, headers, body } = await call(
    'GET', `${API}/invocation/next`, {});
  const id = headers['lambda-runtime-aws-request-id'];
  if (status !== 200 || !id) {
    throw new Error(`no event: ${status} ${body}`);
  }
  return { id, target: `${API}/invocation/${encodeURIComponent(id)}`,
    headers, body };
}

// --- one invocation ------------------------------------------------------------

function contextOf({ id, headers }) {
  const header = (name) => headers[`lambda-runtime-${name}`];
  // Node reads headers as Latin-1; JSON in them is UTF-8.
  const json = (text) => text
    ? JSON.parse(Buffer.from(text, 'latin1').toString()) : undefined;
  const deadline = Number(header('deadline-ms'));
  const { env } = process;
  return {
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    awsRequestId: id,
    invokedFunctionArn: header('invoked-function-arn'),
    clientContext: json(header('client-context')),
    identity: json(header('cognito-identity')),
    tenantId: header('aws-tenant-id'),
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

const isPromise = (value) => typeof value?.then === 'function';

/** What JSON is made of, unlike a timer or a request that `=>` let slip out. */
function isPlain(value) {
  if (typeof value !== 'object' || value === null) return value !== undefined;
  const prototype = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype ||
    prototype === null;
}

/** Calls the handler; resolves with what it answers, in whichever way. */
function callHandler(handler, event, context) {
  return new Promise((resolve, reject) => {
    let waits = true;
    let isOpen = true; // the first answer counts
    const once = (f) => (...args) => {
      if (!isOpen) return;
      isOpen = false;
      f(...args);
    };
    const fail = once((error) => reject(error ?? 'handled'));
    const succeed = once(resolve);
    const done = (error, value) => error == null ? succeed(value) : fail(error);
    const callback = once((error, value) => {
      if (error != null) reject(error);
      else if (waits) whenIdle = () => resolve(value);
      else resolve(value);
    });
    Object.defineProperty(context, 'callbackWaitsForEmptyEventLoop', {
      enumerable: true,
      get: () => waits,
      set: (value) => { waits = value; },
    });
    Object.assign(context, { succeed, fail, done });

    whenIdle = () => resolve(null);
    let returned;
    try {
      returned = handler(event, context, callback);
    } catch (error) {
      fail(error);
      return;
    }
    if (isPromise(returned)) {
      if (isOpen) {
        whenIdle = () => fail(fault('NodeJsExit',
          'a promise was never settled, and nothing is left to settle it'));
      }
      returned.then(succeed, fail);
    } else if (handler.length < 3 && isPlain(returned)) {
      succeed(returned);
    }
  });
}

function serialised(value) {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (error) {
    throw fault('JSONStringifyError',
      `Unable to stringify response body: ${error.message}`, error);
  }
}

/** What is to be posted for the event. */
async function answerTo(invocation, handler) {
  const { target, body } = invocation;
  try {
    const context = contextOf(invocation);
    const value = await callHandler(handler, JSON.parse(body), context);
    return { target: `${target}/response`, body: serialised(value) };
  } catch (error) {
    if (!isCrashing) logError('Invoke Error', error);
    return errorPost(`${target}/error`, error);
  }
}

/** Runs one event, and resolves with the next. */
async function answer(handler, invocation) {
  const reply = await answerTo(invocation, handler);
  if (isCrashing) return new Promise(() => {}); // the crash has the word
  const kept = socket;
  kept?.cork(); // what is posted leaves with the question for the next
  const posted = post(reply);
  report = () => posted; // who crashes from now on lets it arrive
  // A rejection that nobody looks at is told before this, and who crashes must
  // take no event any more.
  await new Promise(setImmediate);
  const coming = isCrashing ? new Promise(() => {}) : next();
  kept?.uncork();
  return coming;
}

// --- streaming handlers --------------------------------------------------------

/**
 * The stream that a handler writes its answer to. The request begins with the
 * first byte: a failure before that is posted as any other, a later one is told
 * in the trailers.
 */
class ResponseStream extends Writable {
  #target;
  #post; // the answer's promise, once begun
  #socket;
  #contentType = 'application/octet-stream';
  prelude = '';

  constructor(target) {
    super();
    this.#target = target;
  }

  setContentType(type) {
    if (this.#post) {
      throw fault('InvalidStreamingOperation',
        'Cannot set content-type, too late.');
    }
    this.#contentType = type;
  }

  #begun() {
    if (!this.#post) {
      this.#post = begin('POST', `${this.#target}/response`, {
        'Lambda-Runtime-Function-Response-Mode': 'streaming',
        'Transfer-Encoding': 'chunked',
        'Content-Type': this.#contentType,
        Trailer: 'Lambda-Runtime-Function-Error-Type, ' +
          'Lambda-Runtime-Function-Error-Body',
      });
      this.#socket = socket;
      this.#post.catch((error) => this.destroy(error));
      if (this.prelude) this.#chunk(Buffer.from(this.prelude));
    }
  }

  #chunk(bytes, done) {
    this.#socket.write(`${bytes.length.toString(16)}\r\n`);
    this.#socket.write(bytes);
    this.#socket.write('\r\n', done);
  }

  _write(bytes, _, done) {
    this.#begun();
    if (bytes.length) this.#chunk(bytes, done); // an empty one would be the end
    else done();
  }

  _final(done) {
    this.#begun();
    this.#socket.write('0\r\n\r\n');
    this.#post.then(({ status, body }) => done(
      status === 202 ? null : new Error(`not taken: ${status} ${body}`)), done);
  }

  async fail(error) {
    if (!this.#post) return postError(`${this.#target}/error`, error);
    const told = described(error);
    if (!this.writableEnded) {
      const body = Buffer.from(JSON.stringify(told)).toString('base64');
      this.#socket.write('0\r\n' +
        `Lambda-Runtime-Function-Error-Type: ${headerText(told.errorType)}\r\n` +
        `Lambda-Runtime-Function-Error-Body: ${body}\r\n\r\n`);
      this.destroy();
    }
    return this.#post.catch(() => {}); // logged by who waits for the stream
  }
}

async function answerStreaming(handler, invocation) {
  const stream = new ResponseStream(invocation.target);
  const idle = new Promise((_, reject) => {
    whenIdle = () => reject(fault('InvalidStreamingOperation',
      'Response stream is not finished.'));
  });
  report = (error) => stream.fail(error);
  stream.on('error', () => {}); // `finished` tells
  try {
    await Promise.race([idle, (async () => {
      await handler(JSON.parse(invocation.body), stream, contextOf(invocation));
      await finished(stream);
    })()]);
  } catch (error) {
    if (isCrashing) return new Promise(() => {});
    logError('Invoke Error', error);
    await stream.fail(error);
  }
  report = async () => {};
  return next();
}

globalThis.awslambda = {
  streamifyResponse: (handler) =>
    Object.assign(handler, { [STREAMING]: 'response' }),
  HttpResponseStream: {
    /** Puts status and headers before the body. */
    from(stream, prelude) {
      stream.setContentType(
        'application/vnd.awslambda.http-integration-response');
      stream.prelude = JSON.stringify(prelude) + '\0'.repeat(8);
      return stream;
    },
  },
};

// --- the function's code -------------------------------------------------------

const isFile = (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile();

/** Does the nearest package.json say that .js files are ES modules? */
function isEsmFolder(folder) {
  const parent = path.dirname(folder);
  try {
    const text = fs.readFileSync(path.join(folder, 'package.json'), 'utf8');
    return JSON.parse(text).type === 'module';
  } catch (error) {
    if (error.code !== 'ENOENT' || parent === folder ||
        path.basename(folder) === 'node_modules') return false;
  }
  return isEsmFolder(parent);
}

/** Loads folder/name: a file, a folder with an index, or a package. */
async function loadModule(root, folder, name) {
  const stem = path.resolve(root, folder, name);
  const require = createRequire(import.meta.url);
  const file = ['', '.js', '.mjs', '.cjs'].map((end) => stem + end).find(isFile);
  if (!file) {
    return require(fs.existsSync(stem) ? stem : require.resolve(name,
      { paths: [root, path.dirname(stem)] }));
  }
  const isEsm = file.endsWith('.mjs') ||
    (file.endsWith('.js') && isEsmFolder(path.dirname(file)));
  return isEsm ? import(pathToFileURL(file)) : require(file);
}

async function loadHandler(root, name) {
  const [, folder, file, names] =
    /^(?!.*\.\.)(.*\/)?([^./]+)\.([^/]+)$/.exec(
      name.replace(/^(\.\/)+/, '')) ?? [];
  if (!file) throw fault('MalformedHandlerName', `Bad handler '${name}'`);
  let loaded;
  try {
    loaded = await loadModule(root, folder ?? '', file);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw fault('UserCodeSyntaxError', String(error), error);
    }
    if (/^(ERR_)?MODULE_NOT_FOUND$/.test(error?.code)) {
      throw fault('ImportModuleError', String(error), error);
    }
    throw error;
  }
  const inside = (object) => names.split('.').reduce(
    (nested, key) => nested?.[key], object);
  const handler = inside(loaded) ?? inside(loaded?.default);
  if (typeof handler !== 'function') {
    throw fault('HandlerNotFound', `${name} is ${handler
      ? 'not a function' : 'undefined or not exported'}`);
  }
  return handler;
}

// --- from start to end ---------------------------------------------------------

async function crash(what, error, status) {
  logError(what, error);
  if (isCrashing) return; // what fell over meanwhile is logged, no more
  isCrashing = true;
  await report(error);
  exit(status);
}

process.on('uncaughtException', (error) =>
  crash('Uncaught Exception', error, 129));
process.on('unhandledRejection', (reason) => {
  const { errorType, errorMessage, trace } = described(reason);
  crash('Unhandled Promise Rejection', fault('UnhandledPromiseRejection',
    trace.length ? `${errorType}: ${errorMessage}` : errorMessage, reason), 128);
});
process.on('beforeExit', () => whenIdle?.());

async function serve(handler) {
  const run = handler[STREAMING] ? answerStreaming : answer;
  report = async () => {};
  for (let invocation = await next(); ;) {
    requestId = invocation.id;
    report = (error) => postError(`${invocation.target}/error`, error);
    const trace = invocation.headers['lambda-runtime-trace-id'];
    if (trace) process.env._X_AMZN_TRACE_ID = trace;
    else delete process.env._X_AMZN_TRACE_ID;
    invocation = await run(handler, invocation);
  }
}

patchConsole();
let handler;
try {
  handler = await loadHandler(
    path.resolve(process.env.LAMBDA_TASK_ROOT ?? ''), process.env._HANDLER ?? '');
} catch (error) {
  await crash('Init Error', error, 1);
}
serve(handler).catch((error) => {
  console.error(`the runtime API is gone: ${error.message}`);
  exit(1);
});

// Starts the backend and the gateway, says where things are, and stops both
// together. Called by ./run, with the gateway's binary.
//
// SIGUSR2 restarts the gateway under the open pages: watch them come back.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const HOST = "127.0.0.1";
const START_MS = 15_000;
const STOP_MS = 15_000;
const here = fileURLToPath(new URL(".", import.meta.url));
const binary = process.argv[2];

// --- ports -------------------------------------------------------------------

const picked = new Set();

/** The port that `variable` names; unset, `first` or the next free one. */
async function pickPort(what, variable, first) {
  const wish = Number(process.env[variable] || first);
  for (let port = wish; port < wish + 100; port++) {
    if (!picked.has(port) && (await isFree(port))) {
      if (port !== wish)
        console.log(`chat: port ${wish} is taken: the ${what} moves to ${port}`);
      picked.add(port);
      return port;
    }
    if (process.env[variable])
      throw new Error(`port ${wish} of ${variable} is taken`);
  }
  throw new Error(`no free port for the ${what}, ${wish} and up`);
}

function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, HOST, () => probe.close(() => resolve(true)));
  });
}

function answers(port) {
  return new Promise((resolve) => {
    const probe = connect(port, HOST);
    probe.once("error", () => resolve(false));
    probe.once("connect", () => resolve(probe.destroy() !== null));
  });
}

// --- the two programs --------------------------------------------------------

const running = new Map(); // name -> process
let stopping = false;

function start(name, command, args, env = {}) {
  const child = spawn(command, args, {
    cwd: here,
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = (how) => {
    if (stopping || running.get(name) !== child) return;
    running.delete(name);
    console.error(`\nchat: the ${name} ${how}: stopping the rest`);
    stop(1);
  };
  child.once("error", (error) => ended(`does not start (${error.message})`));
  child.once("exit", (code, signal) =>
    ended(signal ? `was ended by ${signal}` : `ended with status ${code}`));
  running.set(name, child);
}

async function ready(name, port) {
  for (const until = Date.now() + START_MS; Date.now() < until; await sleep(50)) {
    if (stopping) return false;
    if (await answers(port)) return true;
  }
  console.error(`chat: the ${name} does not answer on port ${port}`);
  stop(1);
  return false;
}

/** Ends one program: gently first, and by force when that takes too long. */
function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  child.kill("SIGTERM");
  return new Promise((resolve) =>
    child.once("exit", () => resolve(clearTimeout(late))));
}

async function stop(status) {
  if (stopping) {
    for (const child of running.values()) child.kill("SIGKILL");
    return;
  }
  stopping = true;
  await Promise.all([...running.values()].map(end));
  rmSync(scratch, { recursive: true, force: true });
  process.exit(status);
}

// --- start -------------------------------------------------------------------

const scratch = mkdtempSync(join(tmpdir(), "gatewire-chat-"));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => stop(0));

let gatewayPort, adminPort, chatPort;
try {
  gatewayPort = await pickPort("gateway", "GATEWIRE_PORT", 8080);
  adminPort = await pickPort("admin port", "GATEWIRE_ADMIN_PORT", gatewayPort + 1);
  chatPort = await pickPort("page", "CHAT_PORT", 3000);
} catch (error) {
  console.error(`chat: ${error.message}`);
  rmSync(scratch, { recursive: true, force: true });
  process.exit(1);
}

// gatewire.yaml says port 3000; a backend elsewhere needs a copy that agrees.
let config = join(here, "gatewire.yaml");
if (chatPort !== 3000) {
  const text = readFileSync(config, "utf8");
  config = join(scratch, "gatewire.yaml");
  writeFileSync(config, text.replaceAll(":3000/", `:${chatPort}/`));
}

const page = `http://${HOST}:${chatPort}/`;
const stage = `${HOST}:${gatewayPort}/dev`;

const startGateway = () =>
  start("gateway", binary, ["dev", "-c", config,
    "--listen", `${HOST}:${gatewayPort}`, "--admin", `${HOST}:${adminPort}`]);

start("backend", process.execPath, [join(here, "server.mjs")],
  { PORT: chatPort, GATEWIRE_WS: `ws://${stage}` });
startGateway();

process.on("SIGUSR2", async () => {
  const child = running.get("gateway");
  if (!child || stopping) return;
  running.delete("gateway"); // its end is no accident
  await end(child);
  if (!stopping) startGateway();
});

if ((await ready("backend", chatPort)) && (await ready("gateway", gatewayPort)))
  console.log(`
  The chat is running.

    ${page}
    Open it twice, and talk to yourself. Ctrl-C stops everything.

  Join from a terminal: connect, then type the second line.

    npx wscat -c ws://${stage}
    {"action":"join","room":"lobby","name":"Terminal"}

  Push to one connection from outside, as your own programs would. Its id is
  in the page, under "This connection".

    ID='put the id here'
    curl -d 'Hello from curl' "http://${stage}/@connections/$ID"

  The same with the AWS CLI, which wants to sign: any key will do here.

    export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
    printf 'Hello from aws' | aws apigatewaymanagementapi post-to-connection \\
      --endpoint-url http://${stage} --region us-east-1 \\
      --connection-id "$ID" --data fileb:///dev/stdin

  The gateway's health and metrics: http://${HOST}:${adminPort}/healthz
`);

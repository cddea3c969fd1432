// A WebSocket that comes back by itself.

const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 15_000;
const OPENING_MS = 10_000;
const HEARTBEAT_MS = 20_000;

export class Link {
  #socket = null;
  #timer = 0;
  #tries = 0; // since something was last heard
  #unheard = 0; // heartbeats without an answer

  /**
   * heartbeat: a message the other side answers; it keeps the connection from
   * idling out, and tells a dead one from a quiet one.
   * onState("connecting" | "open" | "waiting", milliseconds to wait)
   * onMessage(text)
   */
  constructor(url, { heartbeat, onState, onMessage }) {
    Object.assign(this, { url, heartbeat, onState, onMessage });
    setInterval(() => this.#beat(), HEARTBEAT_MS);
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.retry();
    });
    this.#open();
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** False if there is no connection to send on. */
  send(message) {
    if (this.isOpen) this.#socket.send(JSON.stringify(message));
    return this.isOpen;
  }

  /** Cuts short a wait for the next try. */
  retry() {
    if (!this.#socket) this.#open();
  }

  #open() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    this.#unheard = 0;
    this.#timer = setTimeout(() => this.#lost(socket), OPENING_MS);
    this.onState("connecting");

    socket.onopen = () => {
      clearTimeout(this.#timer);
      this.onState("open");
    };
    socket.onmessage = ({ data }) => {
      this.#tries = 0;
      this.#unheard = 0;
      this.onMessage(data);
    };
    socket.onclose = () => this.#lost(socket);
  }

  // Half of the wait is chance: when a gateway restarts, its clients should
  // not all come back in the same moment.
  #lost(socket) {
    if (socket !== this.#socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#socket = null;
    clearTimeout(this.#timer);
    const most = Math.min(RETRY_FIRST_MS * 2 ** this.#tries++, RETRY_LAST_MS);
    const wait = most * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#open(), wait);
    this.onState("waiting", wait);
  }

  #beat() {
    if (!this.isOpen) return;
    if (this.#unheard++ >= 2) this.#lost(this.#socket);
    else this.send(this.heartbeat);
  }
}

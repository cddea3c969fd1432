// Sending to a connection, through the AWS SDK's management client. Nothing
// here is special to gatewire except the endpoint: the one it tells us.

import { Agent } from "node:http";
import {
  ApiGatewayManagementApiClient,
  GoneException,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";

const POSTS_AT_ONCE = 32; // over all recipients together
const POST_MS = 3000; // what one post may take, retries included
const WAITING_MAX = 100; // events kept for one slow recipient
const ENDPOINTS_MAX = 8;

// `gatewire dev` takes any key, but the SDK wants to sign with one. On AWS,
// leave `credentials` out: the function's role brings them.
const credentials = {
  accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? "local",
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? "local",
  sessionToken: process.env.AWS_SESSION_TOKEN,
};

const clients = new Map(); // endpoint -> client

function clientFor(endpoint) {
  let client = clients.get(endpoint);
  if (client) return client;
  if (clients.size >= ENDPOINTS_MAX) clients.clear();
  client = new ApiGatewayManagementApiClient({
    endpoint,
    credentials,
    region: process.env.AWS_REGION ?? "us-east-1",
    requestHandler: {
      httpAgent: new Agent({ keepAlive: true, maxSockets: POSTS_AT_ONCE }),
    },
  });
  clients.set(endpoint, client);
  return client;
}

/** The sending side of one connection: `id` at `endpoint`. */
export class Recipient {
  #waiting = [];
  #busy = false;

  /** onGone is called when the gateway says that the connection is no more. */
  constructor(id, endpoint, onGone) {
    this.id = id;
    this.endpoint = endpoint;
    this.onGone = onGone;
  }

  /**
   * Queues one event. Each recipient has a queue of its own and gets one post
   * at a time, so events arrive in order, and who is slow delays nobody else.
   */
  push(event) {
    if (this.#waiting.length >= WAITING_MAX) this.#waiting.shift();
    this.#waiting.push(event);
    if (!this.#busy) this.#drain();
  }

  async #drain() {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      try {
        await this.#post(this.#waiting.shift());
      } catch (error) {
        if (error instanceof GoneException) {
          this.#waiting = [];
          this.onGone();
        } else {
          console.error(`push to ${this.id} failed: ${error.message}`);
        }
      }
    }
    this.#busy = false;
  }

  #post(event) {
    return clientFor(this.endpoint).send(
      new PostToConnectionCommand({
        ConnectionId: this.id,
        Data: JSON.stringify(event),
      }),
      { abortSignal: AbortSignal.timeout(POST_MS) },
    );
  }
}

// The AWS SDK for JavaScript invokes functions. A line of JSON in is a call, a
// line out is what it gave or threw; payloads are base64.
import * as sdk from '@aws-sdk/client-lambda';
import { createInterface } from 'node:readline';

const [endpoint, accessKeyId, secretAccessKey] = process.argv.slice(2);
const client = new sdk.LambdaClient({
  endpoint, region: 'eu-west-1', maxAttempts: 1,
  credentials: { accessKeyId, secretAccessKey },
});

const told = (error) => ({
  name: error.name,
  message: error.message,
  status: error.$metadata?.httpStatusCode,
  isTyped: Boolean(sdk[error.name] && error instanceof sdk[error.name]),
  reason: error.Reason,
  retryAfter: error.retryAfterSeconds,
});

for await (const line of createInterface({ input: process.stdin })) {
  const { call, payload, ...input } = JSON.parse(line);
  const member = call === 'InvokeAsync' ? 'InvokeArgs' : 'Payload';
  if (payload !== undefined) input[member] = Buffer.from(payload, 'base64');
  let result;
  try {
    const { $metadata, ...output } = await client.send(
      new sdk[`${call}Command`](input));
    if (output.Payload)
      output.Payload = Buffer.from(output.Payload).toString('base64');
    result = { ...output, id: $metadata.requestId };
  } catch (error) {
    result = { error: told(error) };
  }
  console.log(JSON.stringify(result));
}

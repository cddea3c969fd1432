// The AWS SDK for JavaScript, as it comes. A line of JSON in is a call, a line
// out is what it gave or threw.
import {
  ApiGatewayManagementApiClient, DeleteConnectionCommand,
  GetConnectionCommand, PostToConnectionCommand, GoneException,
  PayloadTooLargeException, LimitExceededException, ForbiddenException,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { createInterface } from 'node:readline';

const [endpoint, accessKeyId, secretAccessKey] = process.argv.slice(2);
const client = new ApiGatewayManagementApiClient({
  endpoint, region: 'us-east-1', maxAttempts: 1,
  credentials: { accessKeyId, secretAccessKey },
});
const commands = {
  post: PostToConnectionCommand,
  get: GetConnectionCommand,
  delete: DeleteConnectionCommand,
};
const classes = {
  GoneException, PayloadTooLargeException, LimitExceededException,
  ForbiddenException,
};

const told = (error) => ({
  name: error.name,
  status: error.$metadata?.httpStatusCode,
  classes: Object.keys(classes).filter((c) => error instanceof classes[c]),
});

for await (const line of createInterface({ input: process.stdin })) {
  const { call, id, data } = JSON.parse(line);
  const input = { ConnectionId: id };
  if (data !== undefined) input.Data = Buffer.from(data, 'base64');
  let result;
  try {
    const { $metadata, ...output } = await client.send(
      new commands[call](input));
    result = { status: $metadata.httpStatusCode, output };
  } catch (error) {
    result = { error: told(error) };
  }
  console.log(JSON.stringify(result));
}

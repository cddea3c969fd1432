import {
  ApiGatewayManagementApiClient,
  GoneException,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  paginateScan,
} from "@aws-sdk/lib-dynamodb";

const TableName = process.env.TABLE_NAME;
const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));
let gateway; // where it is, the first event tells; its sockets are kept

/** Posts to one connection. Who is gone is taken off the table. */
async function post(connectionId, data) {
  try {
    await gateway.send(
      new PostToConnectionCommand({ ConnectionId: connectionId, Data: data }),
    );
    return true;
  } catch (error) {
    if (!(error instanceof GoneException)) {
      console.error(`${connectionId}:`, error);
      return false;
    }
    console.log(`${connectionId} is gone`);
    await table.send(new DeleteCommand({ TableName, Key: { connectionId } }));
    return true;
  }
}

/** {"action":"sendmessage","data":"hello"} goes to everybody as hello. */
export const handler = async (event) => {
  const { domainName, stage } = event.requestContext;
  gateway ??= new ApiGatewayManagementApiClient({
    endpoint: `https://${domainName}/${stage}`,
  });

  const { data } = JSON.parse(event.body);
  if (typeof data !== "string") {
    return { statusCode: 400, body: "data: expected a text" };
  }
  const posts = [];
  for await (const page of paginateScan(
    { client: table },
    { TableName, ProjectionExpression: "connectionId" },
  )) {
    posts.push(...page.Items.map((item) => post(item.connectionId, data)));
  }
  const isSent = (await Promise.all(posts)).every(Boolean);
  return isSent
    ? { statusCode: 200, body: "Data sent." }
    : { statusCode: 500, body: "Not everybody could be reached." };
};

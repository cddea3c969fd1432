import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, PutCommand } from "@aws-sdk/lib-dynamodb";

const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));

/** Somebody wants to connect. If this throws, they are refused. */
export const handler = async (event) => {
  const { connectionId } = event.requestContext;
  await table.send(
    new PutCommand({
      TableName: process.env.TABLE_NAME,
      Item: { connectionId },
    }),
  );
  return { statusCode: 200, body: "Connected." };
};

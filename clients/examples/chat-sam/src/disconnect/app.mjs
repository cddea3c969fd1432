import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));

/** Somebody has left. This is best effort on AWS: see sendmessage. */
export const handler = async (event) => {
  const { connectionId } = event.requestContext;
  await table.send(
    new DeleteCommand({
      TableName: process.env.TABLE_NAME,
      Key: { connectionId },
    }),
  );
  return { statusCode: 200, body: "Disconnected." };
};

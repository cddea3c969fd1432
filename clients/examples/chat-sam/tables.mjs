// DynamoDB's stand-in for the local run: dynalite, in memory, with the table
// of template.yaml. PORT (8000; 0 for any), TABLE_NAME (chat-connections).

import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import dynalite from "dynalite";

const server = dynalite({ createTableMs: 0 });

server.listen(Number(process.env.PORT ?? 8000), "127.0.0.1", async () => {
  const endpoint = `http://127.0.0.1:${server.address().port}`;
  const client = new DynamoDBClient({
    endpoint,
    region: "local",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  await client.send(
    new CreateTableCommand({
      TableName: process.env.TABLE_NAME ?? "chat-connections",
      AttributeDefinitions: [
        { AttributeName: "connectionId", AttributeType: "S" },
      ],
      KeySchema: [{ AttributeName: "connectionId", KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
    }),
  );
  console.log(`tables at ${endpoint}`);
});

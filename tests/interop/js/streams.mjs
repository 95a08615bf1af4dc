// AWS SDK for JavaScript v3's clients of Kinesis and Firehose, many calls in one process.
//
// The first argument is the `node_modules` that the SDK is installed in. Each line of
// standard input is a call; data of records is in base64 there, as in the answers:
//
//     {"service": "kinesis", "operation": "PutRecords", "url": "", "accessKeyId": "",
//      "secretAccessKey": "", "input": {}}
//
// and each line of output the result, as the SDK returns it:
//
//     {"attempts": 1, "output": {}}
//     {"attempts": 1, "error": {"name": "", "message": "", "status": 400}}

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const load = (name) => require(join(process.argv[2], "@aws-sdk", name));
const sdks = {
  firehose: load("client-firehose"),
  kinesis: load("client-kinesis"),
};
const { NodeHttpHandler } = require(
  join(process.argv[2], "@smithy", "node-http-handler"),
);
const clients = { firehose: "FirehoseClient", kinesis: "KinesisClient" };

// Data is bytes in the SDK.
function decoded(name, value) {
  return name === "Data" ? Buffer.from(value, "base64") : value;
}

function encoded(name, value) {
  if (value?.type === "Buffer") return Buffer.from(value.data).toString("base64");
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
}

async function call({ service, operation, url, accessKeyId, secretAccessKey, input }) {
  const sdk = sdks[service];
  const client = new sdk[clients[service]]({
    credentials: { accessKeyId, secretAccessKey },
    endpoint: url,
    region: "us-east-1",
    // Kinesis' client speaks HTTP/2 by itself, which local endpoints do not.
    requestHandler: new NodeHttpHandler(),
  });
  try {
    const { $metadata, ...output } = await client.send(
      new sdk[`${operation}Command`](input),
    );
    return { attempts: $metadata.attempts, output };
  } catch (error) {
    const { name, message, $metadata } = error;
    const status = $metadata?.httpStatusCode;
    return { attempts: $metadata?.attempts, error: { name, message, status } };
  } finally {
    client.destroy();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await call(JSON.parse(line, decoded)), encoded));
}

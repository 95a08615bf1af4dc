// AWS SDK for JavaScript v3, asked many times in one process: to load it takes long.
//
// The first argument is the `node_modules` that the SDK is installed in. Each line of
// standard input is a call:
//
//     {"url": "", "accessKeyId": "", "secretAccessKey": "", "input": {}}
//
// and each line of output what came of it, as the SDK tells it:
//
//     {"attempts": 1, "output": {}}
//     {"attempts": 1, "error": {"name": "", "message": "", "status": 400}}

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const sdk = join(process.argv[2], "@aws-sdk", "client-pinpoint");
const { PinpointClient, PutEventsCommand } = require(sdk);

async function putEvents({ url, accessKeyId, secretAccessKey, input }) {
  const client = new PinpointClient({
    credentials: { accessKeyId, secretAccessKey },
    endpoint: url,
    region: "eu-west-1",
  });
  try {
    const output = await client.send(new PutEventsCommand(input));
    return { attempts: output.$metadata.attempts, output: output.EventsResponse };
  } catch (error) {
    const { name, message, $metadata } = error;
    const status = $metadata?.httpStatusCode;
    return { attempts: $metadata?.attempts, error: { name, message, status } };
  } finally {
    client.destroy();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await putEvents(JSON.parse(line))));
}

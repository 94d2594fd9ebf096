// Ask the prediction Lambda from JavaScript, with the AWS SDK v3 (node 20 or newer).
//
//   npm install --prefix examples
//   node examples/predict.mjs FUNCTION PICTURE
//
// FUNCTION is the alias' ARN (PredictAliasArn in the stack's outputs); PICTURE is a file, an https:// or an s3:// address.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";

const [functionName, picture] = process.argv.slice(2);
if (!functionName || !picture) {
  console.error("usage: node predict.mjs FUNCTION PICTURE");
  process.exit(2);
}

async function event() {
  if (picture.startsWith("https://")) return { url: picture, top_k: 3 };
  if (picture.startsWith("s3://")) return { s3_uri: picture, top_k: 3 };
  return { image: (await readFile(picture)).toString("base64"), top_k: 3 };
}

const client = new LambdaClient({ maxAttempts: 4, requestHandler: { connectionTimeout: 2000, requestTimeout: 30000 } });
const context = JSON.stringify({ custom: { correlation_id: `example-${randomUUID()}` } });
const response = await client.send(
  new InvokeCommand({
    FunctionName: functionName,
    Payload: JSON.stringify(await event()),
    ClientContext: Buffer.from(context).toString("base64"),
  }),
);
const answer = JSON.parse(response.Payload.transformToString());
if (response.FunctionError) throw new Error(`the function failed: ${answer.errorMessage}`);
const body = JSON.parse(answer.body);
if (answer.statusCode !== 200) {
  const retry = answer.headers["Retry-After"];
  console.error(`${answer.statusCode} ${body.message}${retry ? ` (try again in ${retry} s)` : ""}`);
  process.exit(1);
}
for (const prediction of body.predictions) {
  console.log(`${prediction.class_name}\t${prediction.probability.toFixed(4)}`);
}

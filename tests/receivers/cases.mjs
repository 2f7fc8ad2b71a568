// Reads cases as JSON on stdin and prints the verdicts of docs/receivers/verify.mjs. Run by harness.py.
import { readFileSync } from "node:fs";
import { verifyBodySignature, verifyStandardWebhook } from "../../docs/receivers/verify.mjs";

const verdicts = JSON.parse(readFileSync(0, "utf8")).map(({ headers, body_base64, secret, now }) => {
  const body = Buffer.from(body_base64, "base64");
  return {
    body: verifyBodySignature(headers, body, secret),
    standard: verifyStandardWebhook(headers, body, secret, now ?? undefined),
  };
});
console.log(JSON.stringify(verdicts));

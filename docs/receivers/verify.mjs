// Checks the signatures of a delivery from the incidents platform. No dependencies, Node 18 or later.
import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE_SECONDS = 300;

/** Whether X-CloudEvents-Signature is that of the raw body (a Buffer), made with this secret. */
export function verifyBodySignature(headers, body, secret) {
  if (!secret) return false;
  return equal(header(headers, "x-cloudevents-signature"), "sha256=" + sign(secret, [body]).toString("hex"));
}

/** Whether webhook-signature holds a signature made with this secret, not more than five minutes from now. */
export function verifyStandardWebhook(headers, body, secret, now = Date.now() / 1000) {
  const key = signingKey(secret);
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  if (key.length === 0 || !id || !/^[0-9]{1,15}$/.test(timestamp)) return false;
  if (Math.abs(now - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const expected = "v1," + sign(key, [`${id}.${timestamp}.`, body]).toString("base64");
  return header(headers, "webhook-signature").split(" ").some((signature) => equal(signature, expected));
}

function header(headers, name) {
  if (typeof headers.get === "function") return headers.get(name) ?? "";
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name);
  return typeof found?.[1] === "string" ? found[1] : "";
}

function signingKey(secret) {
  if (!secret.startsWith("whsec_")) return Buffer.from(secret, "utf8");
  const encoded = secret.slice("whsec_".length);
  // Buffer.from skips what is not base64 instead of failing.
  const valid = encoded.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(encoded);
  return valid ? Buffer.from(encoded, "base64") : Buffer.alloc(0);
}

function sign(key, parts) {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

function equal(given, expected) {
  const [a, b] = [Buffer.from(given, "utf8"), Buffer.from(expected, "utf8")];
  return a.length === b.length && timingSafeEqual(a, b); // timingSafeEqual throws on unequal lengths
}

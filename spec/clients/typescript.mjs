// Runs pieces of TypeScript SDK code for a spec: a line of JSON in,
// { code, url, given }, a line of JSON out, { value } or { error }.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(process.cwd() + '/build/npm/');
const { default: Anthropic } = require('@anthropic-ai/sdk');

const helper = (name) => require('@anthropic-ai/sdk/' + name);
const AsyncFunction = (async () => {}).constructor;
// What the SDK itself warns of (models that retire, types it finds old) is no matter here.
const client = (url, options) =>
  new Anthropic({ apiKey: 'key', baseURL: url, logLevel: 'off', ...options });

const plain = (error) => ({
  name: error?.constructor?.name ?? typeof error,
  message: String(error?.message ?? error),
  status: error?.status,
  type: error?.type,
  code: error?.errorCode,
  request: error?.requestID,
});

const run = async ({ code, url, given }) => {
  try {
    const names = ['client', 'Anthropic', 'helper', 'given', 'connect'];
    const body = new AsyncFunction(...names, code);
    const connect = (options) => client(url, options);
    return { value: await body(connect({}), Anthropic, helper, given, connect) };
  } catch (error) {
    return { error: plain(error) };
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await run(JSON.parse(line));
  process.stdout.write(JSON.stringify(answer) + '\n');
}

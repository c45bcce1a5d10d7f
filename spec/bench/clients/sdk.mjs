// The official TypeScript SDK: messages.stream() with listeners, and finalMessage().
//
//     node sdk.mjs BASE-URL REQUESTS [STREAMS]
//
// One after the other, or so many at once. Prints as JSON the bytes of thinking, text and
// signatures, how much memory each stream added (`kb_per_stream`), and, where texts have stamps
// (stream_server.c), how long they took.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(process.cwd() + '/build/npm/');
const { default: Anthropic } = require('@anthropic-ai/sdk');

const [url, requests, streams = 1] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const client = new Anthropic({ apiKey: 'bench', baseURL: url, maxRetries: 0, logLevel: 'off' });
const params = {
  model: 'claude-sonnet-4-6',
  max_tokens: 16000,
  messages: [{ role: 'user', content: 'Go on' }],
};

// A listener for the tool's input would make the SDK parse all of it again at each delta.
const total = { thinking: 0, text: 0, signature: 0 };
const taken = []; // microseconds
const note = (delta) => {
  if (delta.charCodeAt(0) !== 64) return; // "@"
  taken.push(Number(process.hrtime.bigint() - BigInt(delta.slice(1, 20))) / 1000);
};

const memory = (name) =>
  Number(readFileSync('/proc/self/status', 'utf8').match(new RegExp(name + ':\\s+(\\d+)'))[1]);

const ask = async () => {
  const stream = client.messages.stream(params);
  stream.on('thinking', note);
  stream.on('text', note);
  const message = await stream.finalMessage();
  for (const block of message.content) {
    if (block.type === 'thinking') {
      total.thinking += Buffer.byteLength(block.thinking);
      total.signature += block.signature.length;
    }
    if (block.type === 'text') total.text += Buffer.byteLength(block.text);
    if (block.type === 'tool_use' && block.input.content === undefined) throw new Error('the input is not whole');
  }
};

const before = memory('VmRSS');
for (let i = 0; i < requests; i++) await Promise.all(Array.from({ length: streams }, ask));
if (requests) total.kb_per_stream = (memory('VmHWM') - before) / Math.max(streams, 1);
if (taken.length) {
  taken.sort((a, b) => a - b);
  const at = (part) => taken[Math.min(taken.length - 1, Math.floor(taken.length * part))];
  Object.assign(total, { stamps: taken.length, p50_us: at(0.5), p99_us: at(0.99), max_us: at(1) });
}
console.log(JSON.stringify(total));

// The requests of a growing conversation by the official TypeScript SDK. Nothing is sent: its fetch
// is one that answers at once.
//
//     node turns.mjs TURNS RESULT-BYTES
//
// Prints as JSON the CPU seconds after 10, 50, 100, 200 and 400 turns in all, and the bytes.
import { createRequire } from 'node:module';

const require = createRequire(process.cwd() + '/build/npm/');
const { default: Anthropic } = require('@anthropic-ai/sdk');

const [turns, resultBytes] = process.argv.slice(2).map(Number);
const marks = new Set([10, 50, 100, 200, 400]);
const line = 'a line of text with "quotes"\n';
const lines = (bytes) => line.repeat(Math.ceil(bytes / line.length));

const answer = JSON.stringify({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-6',
  content: [],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 9, output_tokens: 5 },
});
let made = 0;
const encoder = new TextEncoder();
const client = new Anthropic({
  apiKey: 'bench',
  maxRetries: 0,
  fetch: async (url, init) => {
    made += encoder.encode(init.body).length;
    return new Response(answer, { headers: { 'content-type': 'application/json' } });
  },
});

const reply = (id) => ({
  role: 'assistant',
  content: [
    { type: 'thinking', thinking: lines(2900), signature: 'A'.repeat(420) },
    { type: 'text', text: lines(650) },
    { type: 'tool_use', id, name: 'write_file', input: { path: 'a', content: 'b' } },
  ],
});
const result = (id) => ({
  role: 'user',
  content: [{ type: 'tool_result', tool_use_id: id, content: lines(resultBytes) }],
});

const params = {
  model: 'claude-sonnet-4-6',
  max_tokens: 16000,
  system: 'You are exact. '.repeat(100),
  messages: [{ role: 'user', content: 'Go on' }],
};
const report = {};
const began = process.cpuUsage();
for (let turn = 1; turn <= turns; turn++) {
  await client.messages.create(params);
  params.messages.push(reply('toolu_' + turn), result('toolu_' + turn));
  if (marks.has(turn)) {
    const { user, system } = process.cpuUsage(began);
    report['after_' + turn] = (user + system) / 1e6;
  }
}
console.log(JSON.stringify({ made, ...report }));

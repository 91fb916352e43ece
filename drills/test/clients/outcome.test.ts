import { Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createAgent, exchange } from '../../src/clients/http.ts';
import { outcomeOf } from '../../src/clients/outcome.ts';
import { nowhere, serve, serveAnswer, serveTcp } from './fake-server.ts';

/** Of a voter to whom no answer comes. */
const IN_VAIN_MS = 300;

async function castAt(url: string, agent = createAgent(), timeoutMs = 10_000) {
  onTestFinished(() => agent.destroy());
  const body = JSON.stringify({ choices: ['o1'] });
  return outcomeOf(await exchange(url, { method: 'POST', body, timeoutMs, agent }));
}

const problem = (name: string) => JSON.stringify({ type: `/problems/${name}`, title: 'A problem' });

describe('what a voter knows of a ballot', () => {
  it('202 with a receipt: it was accepted', async () => {
    const url = await serveAnswer(202, '{"status":"accepted","receipt":"r1"}');
    expect(await castAt(url)).toEqual({ type: 'ok', receipt: 'r1' });
  });

  it.each([
    [400, 'malformed'],
    [401, 'no-voter'],
    [403, 'poll-closed'],
    [404, 'unknown-poll'],
    [422, 'choices-refused'],
    [503, 'not-accepted'],
  ])('%i %s: surely not accepted', async (status, name) => {
    expect(await castAt(await serveAnswer(status, problem(name)))).toEqual({
      type: 'fail',
      answer: `/problems/${name}`,
    });
  });

  it.each([
    [503, problem('unconfirmed'), '/problems/unconfirmed'],
    [500, problem('internal'), '/problems/internal'],
    // Never promised as the answer to a ballot.
    [503, problem('unavailable'), '/problems/unavailable'],
    // Of a proxy in between, which knows nothing.
    [502, '<h1>Bad gateway</h1>', '502'],
    [503, 'Service unavailable', '503'],
    [404, 'not here', '404'],
    [408, '', '408'],
    [302, '', '302'],
    [202, '{"status":"accepted"}', '202 without a receipt'],
    [202, 'null', '202 without a receipt'],
    [202, '{"status":"acc', '202 without a receipt'],
  ])('%i %s: it may count', async (status, text, answer) => {
    expect(await castAt(await serveAnswer(status, text))).toEqual({ type: 'unknown', answer });
  });

  it('nobody listens: not a byte was sent, so surely not accepted', async () => {
    expect(await castAt(await nowhere())).toEqual({ type: 'fail', answer: 'ECONNREFUSED' });
  });

  it('the connection is reset before the request is read: it may count', async () => {
    // Nothing reads, so the request lies with the server's kernel: nobody could know that from here.
    const url = await serveTcp((socket) => {
      socket.pause();
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
    expect(await castAt(url)).toEqual({ type: 'unknown', answer: 'ECONNRESET' });
  });

  it('the connection is reset after the request was read: it may count', async () => {
    const url = await serve((req) => req.socket.resetAndDestroy());
    expect(await castAt(url)).toEqual({ type: 'unknown', answer: 'ECONNRESET' });
  });

  it('the connection is closed without an answer: it may count', async () => {
    const url = await serve((req) => req.socket.end());
    expect((await castAt(url)).type).toBe('unknown');
  });

  it('no answer in time: it may count', async () => {
    const url = await serve(() => {});
    expect(await castAt(url, undefined, IN_VAIN_MS)).toEqual({ type: 'unknown', answer: 'timeout' });
  });

  it('half an answer: it may count, whatever its status said', async () => {
    const url = await serve((_, res) => {
      res.writeHead(202, { 'content-length': 100 });
      res.write('{"status":"accepted","receipt":"r1"}', () => res.socket!.resetAndDestroy());
    });
    expect((await castAt(url)).type).toBe('unknown');
  });

  it('an answer that never ends: it may count', async () => {
    const url = await serve((_, res) => {
      res.writeHead(202, { 'content-length': 100 }).write('{"status":"accepted"');
    });
    expect(await castAt(url, undefined, IN_VAIN_MS)).toEqual({ type: 'unknown', answer: 'timeout' });
  });

  it('an answer that is not HTTP: it may count', async () => {
    const url = await serveTcp((socket) => {
      socket.on('error', () => {});
      socket.end('?????\r\n\r\n');
    });
    expect((await castAt(url)).type).toBe('unknown');
  });

  it('a kept connection that the server resets as the request arrives: it may count', async () => {
    let requests = 0;
    const ports = new Set<number>();
    const url = await serve((req, res) => {
      requests += 1;
      ports.add(req.socket.remotePort!);
      if (requests === 1) res.writeHead(202).end('{"receipt":"r1"}');
      else req.socket.resetAndDestroy();
    });
    const agent = createAgent();
    expect((await castAt(url, agent)).type).toBe('ok');
    await vi.waitFor(() => expect(Object.keys(agent.freeSockets)).toHaveLength(1));
    expect((await castAt(url, agent)).type).toBe('unknown');
    expect({ requests, connections: ports.size }).toEqual({ requests: 2, connections: 1 });
  });

  it('an address that cannot be connected to in time: surely not accepted', async () => {
    const agent = createAgent();
    // A connection that stays in the making, as to a machine that drops every packet.
    agent.createConnection = () => Object.assign(new Socket(), { connecting: true });
    expect(await castAt('http://127.0.0.1:1', agent, IN_VAIN_MS)).toEqual({
      type: 'fail',
      answer: 'timeout',
    });
  });
});

/**
 * Calls typed by method and path: what is asked and what is answered stand in `schema.ts`, which is generated from the
 * server's own types. `openapi-fetch` knows the same types, but it returns errors instead of throwing our one error type,
 * and idempotency keys, forms and the end of a session would have to be wrapped around it again.
 */
import { request, withQuery, type Query } from './http'
import type { paths } from './schema'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
type OperationAt<P extends keyof paths, M extends Method> = paths[P][Lowercase<M> & keyof paths[P]]

/** Every route of the server, written `GET /api/calls`. */
export type Route = {
  [P in keyof paths]: { [M in Method]: OperationAt<P, M> extends { responses: unknown } ? `${M} ${P}` : never }[Method]
}[keyof paths]
export type GetRoute = Extract<Route, `GET ${string}`>

type Operation<R extends Route> = R extends `${infer M extends Method} ${infer P extends keyof paths}` ? OperationAt<P, M> : never
type Parameters<R extends Route> = Operation<R> extends { parameters: infer P } ? P : never
type Path<R extends Route> = Parameters<R> extends { path: infer P extends object } ? P : unknown

/** What a filter may hold: one that is empty is not sent, and its words are the server's to judge. */
type Filter<V> = (V extends string ? string : V) | '' | null | undefined
export type QueryOf<R extends Route> = Parameters<R> extends { query?: infer Q }
  ? [Q & {}] extends [never] ? Record<never, never> : { [K in keyof Q]?: Filter<Q[K]> }
  : Record<never, never>

export type BodyOf<R extends Route> = Operation<R> extends { requestBody: { content: { 'application/json': infer B } } } ? B : never
/** Forms and files are not in the document: their fields are judged by the server alone. */
type Content<R extends Route> = [BodyOf<R>] extends [never] ? { body?: FormData | Blob | { text: string } } : { body: BodyOf<R> }
/** Some routes ask for a key, others take one. */
type Key<R extends Route> = Parameters<R> extends { header: { 'Idempotency-Key': string } } ? { key: string } : { key?: string }

export type Asked<R extends Route> = Path<R> & Content<R> & Key<R> & { query?: QueryOf<R>; signal?: AbortSignal }
type Arguments<T> = Record<never, never> extends T ? [asked?: T] : [asked: T]

type Json<T> = T extends { content: { 'application/json': infer B } } ? B : void
type Good = 200 | 201 | 202 | 204
export type AnswerOf<R extends Route> = Operation<R> extends { responses: infer S } ? Json<S[Good & keyof S]> : never
/** Lists that come a page at a time. */
export type ListRoute = { [R in GetRoute]: Path<R> extends { id: unknown } ? never : AnswerOf<R> extends { items: unknown[]; total: number } ? R : never }[GetRoute]
export type RowOf<R extends ListRoute> = AnswerOf<R> extends { items: (infer T)[] } ? T : never

interface Loose {
  body?: unknown
  key?: string
  query?: Query
  signal?: AbortSignal
  [parameter: string]: unknown
}

const filled = (path: string, parameters: Record<string, unknown>) =>
  path.replace(/{(\w+)}/g, (_, name: string) => encodeURIComponent(String(parameters[name])))

/** Asks the server: path parameters by their name, beside `body`, `query`, `key` (for what must not happen twice) and `signal`. */
export async function api<R extends Route>(route: R, ...[asked]: Arguments<Asked<R>>): Promise<AnswerOf<R>> {
  const [method, path] = route.split(' ') as [Method, string]
  const { body, key, query, signal, ...parameters } = (asked ?? {}) as Loose
  const answer = await request(method, filled(path, parameters), {
    body: body ?? (method === 'POST' ? {} : undefined),
    ...(query ? { query } : {}),
    ...(signal ? { signal } : {}),
    ...(key ? { headers: { 'Idempotency-Key': key } } : {}),
  })
  return answer as AnswerOf<R>
}

type Linked<R extends GetRoute> = Path<R> & { query?: QueryOf<R> }

/** The address of something that the browser itself fetches: a picture, a sound, a file. */
export function href<R extends GetRoute>(route: R, ...[asked]: Arguments<Linked<R>>): string {
  const { query, ...parameters } = (asked ?? {}) as Loose
  return withQuery(filled(route.slice('GET '.length), parameters), query)
}

/** As many rows as the server gives at once: for lists that people choose from. */
const MOST = 200

/** The rows of a paged list that is short enough to be shown whole. */
export async function rowsOf<R extends ListRoute>(route: R, query?: QueryOf<R>): Promise<RowOf<R>[]> {
  const answer = await request('GET', route.slice('GET '.length), { query: { page_size: MOST, ...query } })
  return (answer as { items: RowOf<R>[] }).items
}

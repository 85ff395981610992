/**
 * The server's contract by path, as types: what a path is asked with and what it answers. A path is
 * written as the apps call it, below `/api/v1` and with its ids filled in: `/rounds/${id}/track`.
 */
import type { paths } from './api.gen'

export type Method = 'get' | 'post' | 'put' | 'delete'

/** `/api/v1/rounds/{round_id}/track` as the apps call it. */
type Called<Key> = Key extends `/api/v1${infer Rest}` ? Filled<Rest> : never
type Filled<Path extends string> = Path extends `${infer Before}{${string}}${infer After}`
  ? `${Before}${string}${Filled<After>}`
  : Path

type Keys<M extends Method> = {
  [Key in keyof paths]: paths[Key] extends Record<M, object> ? Key : never
}[keyof paths]

/** The paths that can be called so. */
export type Path<M extends Method> = Called<Keys<M>>

/** The operation behind a path; both ways round, because `/rounds/${string}` covers longer paths too. */
type Operation<M extends Method, P extends string> = {
  [Key in Keys<M>]: [P, Called<Key>] extends [Called<Key>, P] ? paths[Key][M & keyof paths[Key]] : never
}[Keys<M>]

/** The members that narrow what is read; null and undefined are left out of the address. */
export type Query<P extends string> =
  Operation<'get', P> extends { parameters: { query?: infer Asked } }
    ? { [Name in keyof Asked]?: Asked[Name] | null }
    : never

/** What is sent. */
export type Body<M extends Method, P extends string> =
  Operation<M, P> extends { requestBody: { content: { 'application/json': infer Sent } } } ? Sent : undefined

/** What comes back where all is well. */
export type Answer<M extends Method, P extends string> = Told<
  Operation<M, P> extends { responses: infer Responses } ? Responses[keyof Responses & (200 | 201 | 204)] : never
>
type Told<Response> = Response extends { content: { 'application/json': infer Shape } } ? Shape : null

export { api, href, rowsOf, type AnswerOf, type Asked, type BodyOf, type GetRoute, type ListRoute, type QueryOf, type Route, type RowOf } from './client'
export { ApiError, formOf, onSignedOut, type Query, type Words } from './http'
export type * from './schema'

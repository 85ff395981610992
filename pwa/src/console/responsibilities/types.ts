import type { Answer, Body } from '@/core/contract'

export type Responsibility = Answer<'get', '/responsibilities'>['items'][number]
export type Gap = Answer<'get', '/responsibilities/check'>['items'][number]
export type Absence = Answer<'get', '/absences'>['items'][number]
export type Duty = Responsibility['duty']
export type DutyBody = Body<'put', `/responsibilities/${string}`>

export const DUTIES: readonly Duty[] = ['handler', 'owner', 'deputy', 'watcher', 'arbiter']

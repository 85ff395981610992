/** Shapes of cases as the console uses them. */
import type { Answer } from '@/core/contract'
import type { Shapes } from '@/core/types'

export type CaseBoard = Answer<'get', '/cases'>
export type CaseCard = Shapes['CaseCardOut']
export type CaseDetail = Shapes['CaseDetailOut']
export type CaseEvent = Shapes['CaseEventOut']
export type CasePerson = Shapes['CasePersonOut']
export type CasePhoto = Shapes['CasePhotoOut']
export type CaseRequest = Shapes['CaseRequestOut']
export type Candidate = Shapes['CandidateOut']
export type CaseState = CaseCard['state']
export type CaseMode = CaseCard['mode']
export type CaseSource = CaseCard['source']
export type CaseStep = CaseCard['steps'][number]

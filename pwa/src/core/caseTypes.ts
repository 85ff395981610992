/** Shapes of cases by the names that the apps use. */
import type { Shapes } from './types'

export type Person = Shapes['PersonOut']
export type CasePhoto = Shapes['CasePhotoOut']
export type CaseCard = Shapes['CaseCardOut']
export type FieldCase = Shapes['FieldCaseOut']
export type FieldCases = Shapes['FieldCasesOut']
export type NearCase = Shapes['NearCaseOut']
export type CaseDetail = Shapes['CaseDetailOut']
export type CaseEvent = Shapes['CaseEventOut']
export type CasePerson = Shapes['CasePersonOut']

/** A notification in the inbox. */
export type Told = Shapes['NotificationOut']

export type Catalogue = Shapes['CatalogueOut']
export type CaseClass = Catalogue['classes'][number]
export type ClassCondition = CaseClass['conditions'][number]

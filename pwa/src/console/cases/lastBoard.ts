/** Which cases the board showed last, so that the way back from a case leads there. */
import { shallowRef } from 'vue'
import type { LocationQuery } from 'vue-router'

export const boardQuery = shallowRef<LocationQuery>({})

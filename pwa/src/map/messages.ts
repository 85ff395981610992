/** Words that stand on the map itself. */
import en from '@/messages/common.en.json'
import zh from '@/messages/common.zh.json'

import type { CheckInLook } from './looks'
import type { CaseLook, Lang, StopState } from './types'

interface MapWords {
  label: string
  loading: string
  noWebGl: string
  failed: string
  background: string
  tiles: string
  bd09: string
  legend: string
  start: string
  end: string
  zoomIn: string
  zoomOut: string
  looks: Record<CheckInLook, string>
  stops: Record<StopState, string>
  cases: Record<CaseLook, string>
  unlabelled: string
  gap: (cause: string, minutes: number) => string
}

const COMMON: Record<Lang, Record<string, string>> = { zh, en }

/** The cause of a gap in words; `unlabelled` where the phone gave none. */
export function gapCause(cause: string, lang: Lang): string {
  if (cause === 'unlabelled') return WORDS[lang].unlabelled
  return COMMON[lang][`gap.${cause}`] ?? cause
}

const WORDS: Record<Lang, MapWords> = {
  zh: {
    label: '地图',
    loading: '正在打开地图…',
    noWebGl: '这台设备打不开地图（缺少 WebGL）。列表照常可用。',
    failed: '地图没能打开。列表照常可用，可刷新页面再试。',
    background: '离线底图没能取到，只显示区域边界。',
    tiles: '在线底图暂时取不到，先用离线底图。',
    bd09: '底图设置为 BD-09，它的切片网格与本系统不同，无法准确叠加；现用离线底图。请管理员改用 WGS-84 或 GCJ-02 底图。',
    legend: '图例',
    start: '起',
    end: '止',
    zoomIn: '放大',
    zoomOut: '缩小',
    looks: {
      verified: '可信',
      pending: '存疑，待复核',
      answered: '已申辩，待终审',
      accepted: '复核认可',
      rejected: '复核不认可',
    },
    stops: {
      none: '点位',
      picked: '已选',
      todo: '未到',
      next: '下一个',
      visited: '已到',
      doubtful: '存疑',
      skipped: '跳过',
    },
    cases: {
      late: '超时',
      waiting: '等人接',
      working: '处置中',
      checking: '待核查',
      held: '挂起',
      ended: '已结案',
      dropped: '作废或重复',
    },
    unlabelled: '没有记录',
    gap: (cause, minutes) => `${gapCause(cause, 'zh')} ${minutes} 分钟`,
  },
  en: {
    label: 'Map',
    loading: 'Opening the map…',
    noWebGl: 'This device cannot show the map (no WebGL). The lists work as usual.',
    failed: 'The map could not be opened. The lists work as usual; reload the page to try again.',
    background: 'The offline background could not be loaded; only the boundaries are shown.',
    tiles: 'The online background cannot be reached; the offline one is shown.',
    bd09: 'The background is set to BD-09, whose tile grid differs and cannot be laid under this map truly; the offline one is shown. Ask the administrator for WGS-84 or GCJ-02 tiles.',
    legend: 'Legend',
    start: 'start',
    end: 'end',
    zoomIn: 'Zoom in',
    zoomOut: 'Zoom out',
    looks: {
      verified: 'Verified',
      pending: 'Doubtful, to review',
      answered: 'Answered, to decide finally',
      accepted: 'Accepted',
      rejected: 'Rejected',
    },
    stops: {
      none: 'Checkpoint',
      picked: 'Picked',
      todo: 'Not visited',
      next: 'Next',
      visited: 'Visited',
      doubtful: 'Doubtful',
      skipped: 'Skipped',
    },
    cases: {
      late: 'Overdue',
      waiting: 'To be taken',
      working: 'Being handled',
      checking: 'To be checked',
      held: 'On hold',
      ended: 'Closed',
      dropped: 'Void or duplicate',
    },
    unlabelled: 'Nothing recorded',
    gap: (cause, minutes) => `${gapCause(cause, 'en')}, ${minutes} min`,
  },
}

/** The words in one language. */
export function mapWords(lang: Lang): MapWords {
  return WORDS[lang]
}

/** Paths of the icons, all stroked, none filled. */
export const ICONS = {
  rounds: 'M9 6h11M9 12h11M9 18h11M4 6h.01M4 12h.01M4 18h.01',
  review: 'M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6zM8.5 12l2.5 2.5 4.5-5',
  attention: 'M12 4L2.5 20h19zM12 10v4.5M12 17.5h.01',
  settings: 'M4 7h9M19 7h1M4 17h1M11 17h9M16 4.5v5M8 14.5v5',
  pin: 'M12 21s-7-6-7-11.5a7 7 0 0 1 14 0C19 15 12 21 12 21zM12 7v5M9.5 9.5h5',
  check: 'M4.5 12.5l5 5 10-11',
  scan: 'M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3M8 8h3v3H8zM13 13h3v3h-3zM13 8h3M8 16h2',
  skip: 'M5 5l8 7-8 7zM18 5v14',
  back: 'M15 5l-7 7 7 7',
  close: 'M6 6l12 12M18 6L6 18',
  map: 'M9 4L3.5 6.5v13L9 17l6 3 5.5-2.5v-13L15 7zM9 4v13M15 7v13',
  list: 'M4 6h16M4 12h16M4 18h16',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2',
  upload: 'M12 16V5M7 9.5L12 4.5l5 5M4 19.5h16',
  offline: 'M3 3l18 18M8.5 16a5 5 0 0 1 6.5-.5M5 12.500a9.500 9.500 0 0 1 4.500-2.600M19 12.500a9.500 9.500 0 0 0-4-2.500M12 19.500h.01M2 9a14 14 0 0 1 5-3M22 9A14 14 0 0 0 11 5',
  satellite: 'M12 12m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0M12 3v3M12 18v3M3 12h3M18 12h3',
  eye: 'M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  flag: 'M5 21V4M5 4.500h13l-2.500 4 2.500 4H5',
  forward: 'M9 5l7 7-7 7',
} as const

export type IconName = keyof typeof ICONS

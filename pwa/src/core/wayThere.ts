/** The way to a spot, in the map app that a phone has. Pure: addresses only, each in the datum of its map. */
import { fromWgs84, type LatLon } from './geo'

export const MAP_APPS = ['amap', 'baidu', 'tencent', 'system'] as const
export type MapApp = (typeof MAP_APPS)[number]

const DIGITS = 6 // a tenth of a metre

function pair(first: number, second: number): string {
  return `${first.toFixed(DIGITS)},${second.toFixed(DIGITS)}`
}

/** Characters that separate parts of such an address are no part of a name. */
function plainName(name: string): string {
  return name.replace(/[,;|:&#?=]/g, ' ').replace(/\s+/g, ' ').trim().slice(0, 40)
}

/**
 * The address that shows the way on foot to *spot* (WGS-84).
 *
 * @param apple whether the phone is Apple's, whose system map has an address of its own
 */
export function wayThere(app: MapApp, spot: LatLon, name: string, apple: boolean): string {
  const label = encodeURIComponent(plainName(name))
  const gcj = fromWgs84(spot, 'gcj02')
  const bd = fromWgs84(spot, 'bd09')
  switch (app) {
    case 'amap':
      return `https://uri.amap.com/navigation?to=${pair(gcj.lon, gcj.lat)},${label}&mode=walk&coordinate=gaode&callnative=1`
    case 'baidu':
      return (
        `https://api.map.baidu.com/direction?origin=${encodeURIComponent('我的位置')}` +
        `&destination=latlng:${pair(bd.lat, bd.lon)}%7Cname:${label}&mode=walking&coord_type=bd09ll&output=html&src=ironfeet`
      )
    case 'tencent':
      return `https://apis.map.qq.com/uri/v1/routeplan?type=walk&to=${label}&tocoord=${pair(gcj.lat, gcj.lon)}&referer=ironfeet`
    case 'system':
      return apple
        ? `https://maps.apple.com/?daddr=${pair(spot.lat, spot.lon)}&dirflg=w&q=${label}`
        : `geo:${pair(spot.lat, spot.lon)}?q=${pair(spot.lat, spot.lon)}(${label})`
  }
}

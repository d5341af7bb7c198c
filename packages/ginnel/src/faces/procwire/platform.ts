// What we run on.

export function isWindows(): boolean {
  return process.platform === 'win32';
}

export function isUnix(): boolean {
  return process.platform === 'linux' || process.platform === 'darwin' || process.platform === 'freebsd';
}

export function getPlatform(): NodeJS.Platform {
  return process.platform;
}

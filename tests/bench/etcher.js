// etcher.js verify|write IMAGE TARGET...: etcher-sdk as its application uses it, for comparison. One JSON line at the end.
'use strict';
const fs = require('fs');
const { createRequire } = require('module');
// The SDK is installed beside the results, not in the repository.
const require_there = createRequire(process.cwd() + '/');
const { sourceDestination, multiWrite } = require_there('etcher-sdk');

const [mode, image, ...paths] = process.argv.slice(2);

function destination(path) {
  if (!fs.statSync(path).isBlockDevice()) return new sourceDestination.File({ path, write: true });
  const sectors = Number(fs.readFileSync(`/sys/class/block/${path.split('/').pop()}/size`, 'utf8'));
  const drive = {
    device: path, devicePath: path, raw: path, size: sectors * 512, blockSize: 512, logicalBlockSize: 512,
    description: path, mountpoints: [], isSystem: false, isReadOnly: false, isRemovable: true, busType: 'USB',
  };
  return new sourceDestination.BlockDevice({ drive, unmountOnSuccess: false, write: true, direct: true });
}

async function main() {
  const failures = [];
  await multiWrite.decompressThenFlash({
    source: new sourceDestination.File({ path: image }),
    destinations: paths.map(destination),
    onFail: (target, error) => failures.push(error.message),
    onProgress: () => {},
    verify: mode === 'verify',
    decompressFirst: false,
    trim: false,
    numBuffers: 16,
  });
  for (const path of paths) {
    const fd = fs.openSync(path, 'r+');
    fs.fsyncSync(fd);
    fs.closeSync(fd);
  }
  console.log(JSON.stringify({ ok: failures.length === 0, failures }));
  process.exit(failures.length === 0 ? 0 : 1);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

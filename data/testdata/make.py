# Makes the pictures of this folder and, beside each as NAME.png, what Pillow sees in it: turned upright, over white.
#   pip install pillow==13.0.0 numpy && python make.py
import io
import numpy as np
from PIL import Image, ImageOps

W, H = 22, 14
y, x = np.mgrid[:H, :W]
rgb = np.stack([20 + 10 * x, 30 + 14 * y, 220 - 6 * x - 5 * y], -1).astype(np.uint8)
# For chroma of half size, which decoders upsample in different ways.
smooth = Image.fromarray(np.stack([20 + 4 * x, 30 + 3 * y, 220 - 2 * x - 2 * y], -1).astype(np.uint8))
rgb[:5, :7] = (250, 40, 30)  # a corner that tells all orientations apart
alpha = np.clip(30 * x - 100, 0, 255).astype(np.uint8)
photo = Image.fromarray(rgb)
cutout = Image.fromarray(np.dstack([rgb, alpha]))
smooth_cutout = Image.fromarray(np.dstack([np.asarray(smooth), alpha]))


def save(name, image, **options):
    image.save(name, **options)
    seen = ImageOps.exif_transpose(Image.open(name))
    if seen.mode.startswith("I;16"):
        seen = Image.fromarray((np.asarray(seen) >> 8).astype(np.uint8))
    white = Image.new("RGBA", seen.size, "white")
    white.alpha_composite(seen.convert("RGBA"))
    white.convert("RGB").save(name + ".png", optimize=True)


def turned(k):
    exif = Image.Exif()
    exif[0x0112] = k
    return exif


for k in range(1, 9):
    save(f"turned-{k}.jpg", photo, quality=95, subsampling=0, exif=turned(k))
    save(f"turned-{k}.png", photo, exif=turned(k))
save("turned-6.tiff", photo, exif=turned(6))
save("turned-8.webp", photo, lossless=True, exif=turned(8))

save("color.jpg", smooth, quality=90)
save("gray.jpg", photo.convert("L"), quality=90)
save("cmyk.jpg", photo.convert("CMYK"), quality=95)
save("progressive.jpg", smooth, quality=90, progressive=True)

save("alpha.png", cutout)
save("palette.png", photo.quantize(16))
save("gray-alpha.png", cutout.convert("LA"))
save("16-bit.png", Image.fromarray((x * 2900 + y).astype(np.uint16)))
save("bilevel.png", photo.convert("1"))

save("color.webp", smooth, quality=95)
save("alpha.webp", cutout, lossless=True)
save("lossy-alpha.webp", smooth_cutout, quality=95)
save("animation.webp", photo, lossless=True, save_all=True, append_images=[photo.transpose(0)])
save("color.bmp", photo)
save("palette.bmp", photo.quantize(16))
save("color.tiff", photo, compression="tiff_lzw")
save("deflate.tiff", photo.convert("L"), compression="tiff_adobe_deflate")
for ones, meaning in ("white", 1), ("black", 0):
    for group in 3, 4:
        save(f"fax-{group}-{ones}.tiff", photo.convert("1"), compression=f"group{group}", tiffinfo={262: meaning})
save("palette.gif", photo.quantize(32))
save("animation.gif", photo.quantize(32), save_all=True, append_images=[photo.transpose(0).quantize(32)])

# A first frame smaller than the canvas, with a transparent colour.
part = io.BytesIO()
small = Image.fromarray((x[:6, :9] % 3).astype(np.uint8))
small = small.convert("P")
small.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
small.save(part, "GIF", transparency=1)
b = bytearray(part.getvalue())
b[6:10] = bytes([W, 0, H, 0])  # the canvas
at = b.index(b"\x2c\x00\x00\x00\x00")
b[at + 1], b[at + 3] = 5, 4  # the place of the frame
open("part.gif", "wb").write(b)
seen = Image.new("RGB", (W, H), "white")
seen.paste(Image.open(io.BytesIO(part.getvalue())).convert("RGBA"), (5, 4), Image.open(io.BytesIO(part.getvalue())).convert("RGBA"))
seen.save("part.gif.png", optimize=True)

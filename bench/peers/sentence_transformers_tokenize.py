"""The tokens of sentences, by the tokenizer that sentence-transformers uses: Hugging Face's, in Rust, on all processors.

--mode batch gives everything about the tokens, fast leaves out where in the text they stand; both leave the ids where Python has
not to make lists of them.
"""

import sentences

args = sentences.arguments(__doc__)
tokenizer = sentences.open_encoder(args, sentences.MAX_LENGTH).tokenizer.backend_tokenizer
tokenizer.enable_truncation(sentences.MAX_LENGTH)
tokenizer.no_padding()
encode = tokenizer.encode_batch_fast if args.mode == "fast" else tokenizer.encode_batch

seconds = sentences.seconds(lambda: encode(args.sentences))
ids = [row.ids for row in encode(args.sentences)]
tokens = sum(map(len, ids))
checksum = sum((i + 1) * id for row in ids for i, id in enumerate(row))
sentences.report(f"{len(ids)} sentences, {tokens} tokens", seconds, len(ids), [tokens, checksum])

/** Texts to start with, one set in each of the embedded model's languages. */

export const EXAMPLES = {
  english: {
    query: "How do I insert a picture into a document?",
    candidates: [
      "To print a document, choose File - Print.",
      "The painter rented a house in the country.",
      "To put an image in a text document, choose Insert - Image and select the picture file.",
      "Stir the soup and let it simmer for twenty minutes.",
      "A document can be protected with a password.",
    ],
  },
  chinese: {
    query: "怎样把文件复制到另一台计算机？",
    candidates: [
      "date 命令显示日期和时间。",
      "cp 命令在同一台机器上复制文件。",
      "复印机没有纸了。",
      "scp 命令通过网络把文件复制到另一台计算机。",
      "把汤搅拌均匀，小火煮二十分钟。",
    ],
  },
};

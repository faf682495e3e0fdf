/** Texts to start with, one set in each of the embedded model's languages. */

export const EXAMPLES = {
  english: {
    query: "How do I insert a picture into a text file?",
    candidates: [
      "To print a document, choose File - Print.",
      "The painter rented a house in the country.",
      "To put an image in a text document, choose Insert - Image and select the picture file.",
      "Stir the soup and let it simmer for twenty minutes.",
      "A document can be protected with a password.",
    ],
  },
  chinese: {
    query: "怎样压缩文件夹？",
    candidates: [
      "文件夹的权限可以用 chmod 修改。",
      "今天的天气很好，适合出门散步。",
      "tar 命令可以把整个文件夹打包并压缩成一个文件。",
      "打印机支持双面打印。",
      "把汤搅拌均匀，小火煮二十分钟。",
    ],
  },
};

/** Texts to start with, one set in each of the embedded model's languages. */

export const EXAMPLES = {
  english: {
    query: "How can I make my laptop battery last longer?",
    candidates: [
      "Lower the screen brightness and close programs that run in the background to save battery power.",
      "The museum is open every day except Monday.",
      "A laptop battery ages faster when it is hot or always fully charged.",
      "Electric cars use large lithium batteries.",
      "Stir the soup and let it simmer for twenty minutes.",
    ],
  },
  chinese: {
    query: "怎样延长笔记本电脑的电池寿命？",
    candidates: [
      "降低屏幕亮度，关闭后台程序，可以节省笔记本电脑的电量。",
      "博物馆每天开放，星期一除外。",
      "笔记本电脑的电池在高温下或长期充满电时老化得更快。",
      "电动汽车使用大型锂电池。",
      "把汤搅拌均匀，小火煮二十分钟。",
    ],
  },
};

package main

import (
	"math/rand/v2"
	"strings"

	"github.com/iterateswarm/iterateswarm/internal/offline"
	"github.com/iterateswarm/iterateswarm/internal/triage"
)

// foreignSeeds are patterns in other languages: bug, feature, question, noise,
// each a list of parts that are combined.
var foreignSeeds = []struct {
	thing                        string
	bug, feature, question, nice string
}{
	{ // German
		"die App|der Editor|das Terminal|die Suche|der Export|die Anmeldung|die Synchronisierung|der Kalender|die Seitenleiste|das Menü",
		"{t} stürzt beim Speichern ab|{t} funktioniert nicht mehr|{t} startet nicht|seit dem Update geht {t} nicht|Fehlermeldung beim Öffnen: {t}|{t} zeigt falsche Daten|{t} hängt sich auf|{t} reagiert nicht|alle Daten sind weg nach dem Update|{t} ist kaputt|ich kann {t} nicht öffnen|{t} bleibt leer|Absturz wenn ich auf den Knopf klicke|Datei lässt sich nicht speichern|Problem mit {t}|{t} ist sehr langsam|{t} erkennt die Datei nicht|Umlaute werden falsch angezeigt",
		"bitte einen dunklen Modus hinzufügen|es wäre schön wenn {t} Tastenkürzel hätte|Vorschlag: Export als PDF|könntet ihr {t} erweitern|ich wünsche mir eine Option für {t}|Unterstützung für mehrere Konten wäre toll|bitte {t} verbessern|eine Funktion zum Sortieren wäre hilfreich|Funktionswunsch: Suche in Kommentaren|es sollte möglich sein {t} auszublenden",
		"wie kann ich mein Passwort zurücksetzen?|wo finde ich die Rechnung?|kann man {t} abschalten?|gibt es eine Anleitung für {t}?|wie ändere ich die Sprache?|was kostet die Version für Teams?|wie installiere ich das?",
		"danke, tolle App|super|guten Morgen zusammen|alles klar|sehr gut|bis morgen|gefällt mir|fünf Sterne"},
	{ // Spanish
		"la aplicación|el editor|la terminal|la búsqueda|la exportación|el inicio de sesión|la sincronización|el calendario|el menú|la barra lateral",
		"{t} se cierra sola al guardar|{t} no funciona|{t} no abre|desde la actualización {t} falla|error al abrir {t}|{t} muestra datos incorrectos|{t} se queda en blanco|{t} se bloquea|se borraron todos mis archivos|no puedo iniciar sesión|no me deja abrir {t}|problema con {t}|no carga {t}|no se puede guardar el archivo|{t} va muy lenta|al hacer clic aparece un error|dejó de funcionar {t}|no reconoce el compilador",
		"por favor agreguen un modo oscuro|sería genial que {t} tuviera atajos|sugerencia: exportar a PDF|me gustaría una opción para {t}|podrían añadir soporte para varias cuentas|estaría bien mejorar {t}|agregar una función para ordenar|solicitud: búsqueda en comentarios|debería ser posible ocultar {t}|añadir traducción al español",
		"¿cómo puedo restablecer mi contraseña?|¿dónde encuentro la factura?|¿se puede desactivar {t}?|¿cómo cambio el idioma?|¿cuánto cuesta el plan?|¿cómo instalo esto?|¿hay un manual de {t}?",
		"gracias, excelente aplicación|muy buena|buenos días a todos|perfecto|hasta mañana|me encanta|cinco estrellas"},
	{ // Portuguese
		"o aplicativo|o editor|o terminal|a busca|a exportação|o login|a sincronização|o calendário|o menu|a barra lateral",
		"{t} fecha sozinho ao salvar|{t} não funciona|{t} não abre|depois da atualização {t} parou|erro ao abrir {t}|{t} mostra dados errados|{t} trava|fica tudo em branco|apagou todos os meus arquivos|não consigo entrar|não consigo abrir {t}|problema com {t}|não carrega {t}|não está salvando o arquivo|{t} está muito lento|aparece um erro quando clico|não reconhece o python|o código não executa",
		"por favor adicionem um modo escuro|seria ótimo se {t} tivesse atalhos|sugestão: exportar para PDF|gostaria de uma opção para {t}|poderiam adicionar suporte para várias contas|seria bom melhorar {t}|adicionar uma função para ordenar|pedido: busca nos comentários|deveria ser possível esconder {t}|tradução para o português",
		"como posso redefinir minha senha?|onde encontro a fatura?|dá para desativar {t}?|como mudo o idioma?|quanto custa o plano?|como instalo isso?|existe um manual de {t}?",
		"obrigado, ótimo aplicativo|muito bom|bom dia a todos|perfeito|até amanhã|adorei|cinco estrelas"},
	{ // French
		"l'application|l'éditeur|le terminal|la recherche|l'export|la connexion|la synchronisation|le calendrier|le menu|la barre latérale",
		"{t} plante à l'enregistrement|{t} ne fonctionne plus|{t} ne démarre pas|depuis la mise à jour {t} ne marche pas|erreur à l'ouverture : {t}|{t} affiche de mauvaises données|{t} se bloque|l'écran reste blanc|tous mes fichiers ont disparu|impossible de me connecter|je ne peux pas ouvrir {t}|problème avec {t}|{t} ne charge pas|le fichier n'est pas enregistré|{t} est très lent|un message d'erreur s'affiche quand je clique|bug dans {t}",
		"merci d'ajouter un mode sombre|ce serait bien que {t} ait des raccourcis|suggestion : export en PDF|j'aimerais une option pour {t}|pourriez-vous ajouter plusieurs comptes|il faudrait améliorer {t}|ajouter une fonction de tri|demande : recherche dans les commentaires|on devrait pouvoir masquer {t}|prise en charge du français",
		"comment réinitialiser mon mot de passe ?|où se trouve la facture ?|peut-on désactiver {t} ?|comment changer la langue ?|combien coûte l'abonnement ?|comment installer cela ?|existe-t-il un guide pour {t} ?",
		"merci, excellente application|très bien|bonjour à tous|parfait|à demain|j'adore|cinq étoiles"},
	{ // Italian
		"l'app|l'editor|il terminale|la ricerca|l'esportazione|l'accesso|la sincronizzazione|il calendario|il menu",
		"{t} si chiude da sola quando salvo|{t} non funziona|{t} non si apre|dopo l'aggiornamento {t} non va|errore all'apertura: {t}|{t} mostra dati sbagliati|{t} si blocca|ho perso tutti i file|non riesco ad accedere|problema con {t}|{t} non carica|{t} è molto lenta",
		"per favore aggiungete una modalità scura|sarebbe bello se {t} avesse scorciatoie|suggerimento: esportare in PDF|vorrei un'opzione per {t}|potreste aggiungere più account|sarebbe utile migliorare {t}",
		"come posso reimpostare la password?|dove trovo la fattura?|si può disattivare {t}?|come cambio la lingua?|quanto costa il piano?",
		"grazie, ottima app|molto bene|buongiorno a tutti|perfetto|a domani"},
	{ // Russian
		"приложение|редактор|терминал|поиск|экспорт|вход|синхронизация|календарь|меню",
		"{t} вылетает при сохранении|{t} не работает|{t} не запускается|после обновления {t} перестало работать|ошибка при открытии: {t}|{t} показывает неверные данные|{t} зависает|пропали все файлы|не могу войти|проблема: {t}|не открывается {t}|не сохраняется файл|{t} тормозит|неправильно отображается текст|не видит компилятор",
		"добавьте тёмную тему|было бы здорово, если бы {t} имел горячие клавиши|предложение: экспорт в PDF|хотелось бы настройку для {t}|можно добавить несколько аккаунтов|улучшите {t}|добавить сортировку|нужна поддержка русского языка",
		"как сбросить пароль?|где найти счёт?|можно ли отключить {t}?|как изменить язык?|сколько стоит подписка?|как установить?|подскажите, как пользоваться: {t}",
		"спасибо, отличное приложение|супер|доброе утро всем|понятно|до завтра"},
	{ // Chinese
		"应用|编辑器|终端|搜索|导出|登录|同步|日历|菜单|侧边栏|插件",
		"{t}保存时崩溃|{t}无法使用|{t}打不开|更新后{t}不能用了|打开{t}报错|{t}显示错误的数据|{t}卡死|文件全部丢失|无法登录|{t}有问题|{t}加载失败|{t}没有反应|点击按钮后出现错误|{t}非常卡顿|中文显示乱码|{t}失效|{t}闪退|{t}异常|不能自动补全|{t}bug",
		"希望增加深色模式|建议{t}支持快捷键|能否导出为PDF|希望{t}可以排序|请添加多账户支持|建议优化{t}|增加评论搜索功能|能不能隐藏{t}|希望支持中文|建议增加设置选项",
		"如何重置密码？|发票在哪里？|怎么关闭{t}？|怎么修改语言？|套餐多少钱？|请问如何安装？|{t}怎么使用？",
		"谢谢，很好用|太棒了|大家早上好|好的|明天见"},
	{ // Japanese
		"アプリ|エディタ|ターミナル|検索|エクスポート|ログイン|同期|カレンダー|メニュー",
		"{t}が保存時にクラッシュする|{t}が動かない|{t}が起動しない|更新後に{t}が使えない|{t}を開くとエラーになる|{t}の表示がおかしい|{t}が固まる|ファイルが全部消えました|ログインできません|{t}が反応しません|{t}が読み込めない|文字化けします|{t}が落ちる|{t}に失敗する|表示されない",
		"ダークモードを追加してください|{t}にショートカットがほしい|提案：PDFに出力|{t}を並べ替えできるようにしてほしい|複数アカウントに対応してください|{t}を改善してほしい|要望：コメント検索",
		"パスワードをリセットするにはどうすればいいですか？|請求書はどこですか？|{t}を無効にできますか？|言語の変更方法を教えてください|料金はいくらですか？",
		"ありがとう、とても良いアプリです|最高|おはようございます|了解です|また明日"},
	{ // Korean
		"앱|편집기|터미널|검색|내보내기|로그인|동기화|달력|메뉴",
		"{t} 저장할 때 충돌합니다|{t} 작동하지 않습니다|{t} 실행되지 않아요|업데이트 후 {t} 안 됩니다|{t} 열 때 오류가 발생합니다|{t} 멈춥니다|파일이 모두 사라졌어요|로그인이 안 돼요|{t} 버그 있어요|한글이 깨져요|{t} 너무 느려요|{t} 반응이 없습니다",
		"다크 모드를 추가해 주세요|{t} 단축키가 있으면 좋겠어요|제안: PDF 내보내기|{t} 정렬 기능을 지원해 주세요|{t} 개선 요청",
		"비밀번호는 어떻게 재설정하나요?|청구서는 어디에 있나요?|{t} 끌 수 있나요?|언어를 어떻게 바꾸나요?",
		"감사합니다 최고예요|좋아요|안녕하세요 여러분|네 알겠습니다"},
	{ // Polish
		"aplikacja|edytor|terminal|wyszukiwarka|eksport|logowanie|synchronizacja|kalendarz|menu",
		"{t} zawiesza się przy zapisie|{t} nie działa|{t} nie uruchamia się|po aktualizacji {t} nie działa|błąd przy otwieraniu: {t}|{t} pokazuje złe dane|zniknęły wszystkie pliki|nie mogę się zalogować|problem: {t}|{t} działa bardzo wolno",
		"proszę dodać tryb ciemny|byłoby dobrze gdyby {t} miał skróty|propozycja: eksport do PDF|chciałbym opcję dla {t}|dodajcie obsługę wielu kont",
		"jak mogę zresetować hasło?|gdzie znajdę fakturę?|czy można wyłączyć {t}?|jak zmienić język?|ile kosztuje abonament?",
		"dziękuję, świetna aplikacja|bardzo dobra|dzień dobry wszystkim|super|do jutra"},
	{ // Turkish
		"uygulama|editör|terminal|arama|dışa aktarma|giriş|eşitleme|takvim|menü",
		"{t} kaydederken çöküyor|{t} çalışmıyor|{t} açılmıyor|güncellemeden sonra {t} bozuldu|{t} hata veriyor|{t} yanlış veri gösteriyor|{t} donuyor|bütün dosyalarım silindi|giriş yapamıyorum|{t} çok yavaş",
		"lütfen karanlık mod ekleyin|{t} için kısayol olsa güzel olur|öneri: PDF dışa aktarma|birden fazla hesap desteği eklenmesi|{t} için bir seçenek istiyorum",
		"şifremi nasıl sıfırlarım?|faturayı nerede bulurum?|{t} kapatılabilir mi?|dili nasıl değiştiririm?|abonelik ne kadar?",
		"teşekkürler, harika uygulama|çok iyi|herkese günaydın|tamam|yarın görüşürüz"},
	{ // Dutch
		"de app|de editor|het terminal|het zoeken|de export|het inloggen|de synchronisatie|de agenda|het menu",
		"{t} crasht bij het opslaan|{t} werkt niet|{t} start niet|sinds de update werkt {t} niet meer|foutmelding bij het openen van {t}|{t} loopt vast|al mijn bestanden zijn weg|ik kan niet inloggen|{t} is erg traag",
		"graag een donkere modus toevoegen|het zou mooi zijn als {t} sneltoetsen had|suggestie: export naar PDF|ik wil graag een optie voor {t}",
		"hoe kan ik mijn wachtwoord resetten?|waar vind ik de factuur?|kan ik {t} uitzetten?|hoe wijzig ik de taal?",
		"bedankt, geweldige app|heel goed|goedemorgen allemaal|tot morgen"},
}

// seedsForeign draws n messages of each language and class.
func seedsForeign(n int) []offline.Lesson {
	rng := rand.New(rand.NewPCG(43, 43))
	var out []offline.Lesson
	for _, l := range foreignSeeds {
		things := strings.Split(l.thing, "|")
		for c, lines := range [...]string{l.bug, l.feature, l.question, l.nice} {
			patterns := strings.Split(lines, "|")
			seen := map[string]bool{}
			for i := range n {
				s := patterns[i%len(patterns)]
				if k := rng.IntN(5); k == 0 && c != 3 {
					s += ". " + patterns[rng.IntN(len(patterns))]
				}
				for strings.Contains(s, "{t}") {
					s = strings.Replace(s, "{t}", things[rng.IntN(len(things))], 1)
				}
				if seen[s] {
					continue
				}
				seen[s] = true
				it := triage.Item{Text: s, Channel: triage.ChannelChat}
				if c < 2 && rng.IntN(2) == 0 {
					it = triage.Item{Title: s, Channel: triage.ChannelIssue}
				}
				out = append(out, offline.Lesson{Item: it, Label: string(triage.Classes[c]), Source: "seeds"})
			}
		}
	}
	return out
}

"""The demonstration county: divisions of the bureau, departments, their units and two agencies, as data.

Names of townships and of the departments in the county's published report are real; the rest is plausible. Codes,
people and money are synthetic.
"""

from __future__ import annotations

from dataclasses import dataclass

from organisations.enums import DivisionFunction

MOF_DIV_CODE = "331121000"
# The mark by which the demonstration database knows itself.
BUREAU_CODE = f"{MOF_DIV_CODE}-DEMO"
BUREAU_NAME = "青田县财政局"
ISSUING_CODE = "青财绩效"


@dataclass(frozen=True)
class Division:
    """A division of the bureau; `login` is the user name of its officer."""

    code: str
    name: str
    login: str
    function: str = DivisionFunction.BUSINESS


DIVISIONS = (
    Division("CZ01", "局办公室", "bangongshi", DivisionFunction.OFFICE),
    Division("CZ02", "预算科", "yusuan", DivisionFunction.BUDGET),
    Division("CZ03", "国库科", "guoku", DivisionFunction.TREASURY),
    Division("CZ04", "绩效科", "jixiao", DivisionFunction.PERFORMANCE),
    Division("CZ05", "行政科", "xingzheng"),
    Division("CZ06", "教科文科", "jiaokewen"),
    Division("CZ07", "经济建设科", "jingjian"),
    Division("CZ08", "农业科", "nongye"),
    Division("CZ09", "社会保障科", "shebao"),
    Division("CZ10", "企业科", "qiye"),
    Division("CZ11", "资产科", "zichan"),
    Division("CZ12", "乡镇财政科", "xiangzhen"),
)


@dataclass(frozen=True)
class Department:
    """A 主管部门: `field` chooses the names of its projects, `size` how many it has beside the others."""

    code: str
    name: str
    division: str
    field: str
    size: int
    units: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Renamed:
    """A department whose name changed: the earlier name holds until the day before `since` (ISO date)."""

    code: str
    earlier: str
    since: str


RENAMED = Renamed("262", "青田县行政服务中心", "2023-07-01")
AGENCIES = (("JG01", "丽水瓯江会计师事务所（普通合伙）"), ("JG02", "浙江绿谷绩效管理咨询有限公司"))

# code 名称 归口科室 领域 规模
_COUNTY = """
101 中共青田县委办公室 CZ05 party 10
102 青田县人民代表大会常务委员会办公室 CZ05 party 8
103 青田县人民政府办公室 CZ05 party 12
104 中国人民政治协商会议青田县委员会办公室 CZ05 party 7
105 中共青田县纪律检查委员会 CZ05 party 10
106 中共青田县委组织部 CZ05 party 14
107 中共青田县委宣传部 CZ06 media 14
108 中共青田县委统一战线工作部 CZ05 overseas 10
109 中共青田县委政法委员会 CZ05 police 12
110 中共青田县委机构编制委员会办公室 CZ05 party 5
111 中共青田县委直属机关工作委员会 CZ05 party 4
112 中共青田县委老干部局 CZ05 party 6
113 中共青田县委党校 CZ06 party 9
114 青田县总工会 CZ05 masses 10
115 共青团青田县委员会 CZ05 masses 7
116 青田县妇女联合会 CZ05 masses 8
117 青田县科学技术协会 CZ06 science 7
118 青田县工商业联合会 CZ05 masses 5
119 青田县归国华侨联合会 CZ05 overseas 9
120 青田县残疾人联合会 CZ09 welfare 14
121 青田县红十字会 CZ09 welfare 6
122 青田县文学艺术界联合会 CZ06 culture 6
123 青田县社会科学界联合会 CZ06 culture 4
124 青田县人民武装部 CZ05 police 8
125 青田县档案馆 CZ05 party 5
126 中共青田县委党史研究室 CZ05 party 4
127 青田县融媒体中心 CZ06 media 16
201 青田县发展和改革局 CZ07 economy 24
202 青田县经济商务局 CZ10 industry 30
203 青田县教育局 CZ06 school 70
204 青田县科学技术局 CZ06 science 22
205 青田县公安局 CZ05 police 44
206 青田县民政局 CZ09 welfare 38
207 青田县司法局 CZ05 police 14
208 青田县人力资源和社会保障局 CZ09 labour 34
209 青田县自然资源和规划局 CZ07 land 44
210 丽水市生态环境局青田分局 CZ07 environment 30
211 青田县住房和城乡建设局 CZ07 works 52
212 青田县交通运输局 CZ07 road 50
213 青田县水利局 CZ08 water 44
214 青田县农业农村局 CZ08 farm 64
215 青田县文化和广电旅游体育局 CZ06 culture 40
216 青田县卫生健康局 CZ09 health 60
217 青田县退役军人事务局 CZ09 veterans 16
218 青田县应急管理局 CZ05 emergency 24
219 青田县审计局 CZ05 party 8
220 青田县市场监督管理局 CZ10 market 28
221 青田县统计局 CZ05 party 9
222 青田县医疗保障局 CZ09 health 12
223 青田县综合行政执法局 CZ07 works 22
224 青田县信访局 CZ05 party 6
225 青田县人民法院 CZ05 police 12
226 青田县人民检察院 CZ05 police 10
227 国家税务总局青田县税务局 CZ10 market 8
228 国家统计局青田调查队 CZ05 party 5
229 青田县气象局 CZ08 emergency 9
230 青田县消防救援大队 CZ05 emergency 14
231 青田县邮政管理局 CZ07 market 7
251 青田县投资促进中心 CZ10 industry 12
252 青田县机关事务保障中心 CZ11 assets 20
253 青田县大数据发展中心 CZ05 digital 20
254 青田县供销合作社联合社 CZ08 farm 10
255 青田县粮食和物资储备中心 CZ07 emergency 9
256 青田经济开发区管理委员会 CZ10 industry 22
257 青田华侨经济文化合作试验区管理中心 CZ10 overseas 12
258 青田县石雕产业保护和发展中心 CZ06 culture 12
259 青田县重点项目建设服务中心 CZ07 works 14
260 丽水市住房公积金管理中心青田分中心 CZ11 assets 5
262 青田县政务服务中心 CZ05 digital 12
"""

_TOWNSHIPS = """
301 鹤城街道办事处 26
302 瓯南街道办事处 22
303 油竹街道办事处 20
304 温溪镇人民政府 30
305 东源镇人民政府 18
306 船寮镇人民政府 22
307 北山镇人民政府 18
308 山口镇人民政府 18
309 海口镇人民政府 16
310 腊口镇人民政府 16
311 高湖镇人民政府 14
312 仁庄镇人民政府 15
313 祯埠镇人民政府 15
321 舒桥乡人民政府 11
322 贵岙乡人民政府 11
323 小舟山乡人民政府 12
324 汤垟乡人民政府 10
325 吴坑乡人民政府 10
326 仁宫乡人民政府 12
327 章村乡人民政府 11
328 季宅乡人民政府 10
329 高市乡人民政府 11
330 海溪乡人民政府 10
331 巨浦乡人民政府 10
332 祯旺乡人民政府 10
333 万阜乡人民政府 10
334 万山乡人民政府 9
335 方山乡人民政府 14
336 章旦乡人民政府 11
337 阜山乡人民政府 12
338 黄垟乡人民政府 11
339 石溪乡人民政府 11
"""

# Subordinate units by department code, numbered from 002 on (001 is the department itself, 本级).
_UNITS = {
    "203": (
        "浙江省青田县中学 青田县船寮高级中学 青田县温溪高级中学 青田县职业技术学校 青田县华侨中学 青田县温溪镇第一中学 "
        "青田县第二中学 青田县城东实验小学 青田县实验小学 青田县塔山实验小学 青田县油竹实验学校 青田县温溪镇第一小学 "
        "青田县船寮镇学校 青田县东源镇学校 青田县北山镇学校 青田县腊口镇学校 青田县特殊教育学校 青田县实验幼儿园 "
        "青田县教育研究与教师培训中心"
    ),
    "216": (
        "青田县人民医院 青田县中医医院 青田县妇幼保健院 青田县疾病预防控制中心 青田县卫生监督所 青田县急救站 "
        "青田县温溪镇中心卫生院 青田县船寮镇中心卫生院 青田县东源镇中心卫生院 青田县北山镇中心卫生院 "
        "青田县鹤城街道社区卫生服务中心"
    ),
    "205": "青田县公安局交通警察大队 青田县看守所 青田县公安局温溪派出所",
    "206": "青田县社会福利中心 青田县救助管理站 青田县殡仪馆",
    "208": "青田县就业服务中心 青田县社会保险事业服务中心 青田县人才交流服务中心",
    "209": "青田县林业技术推广中心 青田县不动产登记中心 青田县土地整理中心 青田县石郭林场",
    "210": "青田县环境监测站 青田县环境保护监察大队",
    "211": "青田县城市建设管理中心 青田县园林管理所 青田县住房保障中心 青田县建筑工程质量安全监督站",
    "212": "青田县公路与运输管理中心 青田县港航管理所 青田县农村公路养护中心",
    "213": "青田县水库管理中心 青田县水土保持监督站 青田县瓯江流域治理中心",
    "214": "青田县农业技术推广中心 青田县畜牧兽医服务中心 青田县稻鱼共生系统保护中心 青田县农村能源服务站",
    "215": "青田县文化馆 青田县图书馆 青田县博物馆 青田县体育中心 青田县旅游服务中心",
    "217": "青田县退役军人服务中心 青田县烈士陵园管理所",
    "218": "青田县应急救援指挥中心",
    "220": "青田县食品药品检验检测中心 青田县质量技术检测中心",
    "202": "青田县中小企业服务中心",
    "252": "青田县公务用车服务中心",
    "304": "温溪镇综合文化服务站",
}


def _departments() -> tuple[Department, ...]:
    found = []
    for line in _COUNTY.split("\n"):
        if line:
            code, name, division, field, size = line.split()
            names = _UNITS.get(code, "").split()
            units = tuple((f"{code}{number:03}", unit) for number, unit in enumerate(names, start=2))
            found.append(Department(code, name, division, field, int(size), units))
    for line in _TOWNSHIPS.split("\n"):
        if line:
            code, name, size = line.split()
            names = _UNITS.get(code, "").split()
            units = tuple((f"{code}{number:03}", f"青田县{unit}") for number, unit in enumerate(names, start=2))
            found.append(Department(code, f"青田县{name}", "CZ12", "township", int(size), units))
    return tuple(found)


DEPARTMENTS = _departments()

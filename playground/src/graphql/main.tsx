import './workers'

import '@graphiql/react/style.css'
import '@graphiql/plugin-doc-explorer/style.css'
import '@graphiql/plugin-explorer/style.css'
import '@graphiql/plugin-history/style.css'
import 'graphiql/graphiql.css'
import './page.css'

import { createRoot } from 'react-dom/client'

import { begin } from '../shared/session'
import { Page } from './page'

const root = document.getElementById('page')
if (!root) throw new Error('the page has no place for GraphiQL')
createRoot(root).render(<Page />)
void begin()
